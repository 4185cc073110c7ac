// The API of the original system, as its authors would write it with today's packages: the same routes, the same
// statements, no handicap. Like the original, it responds to a submission before Postgres has stored it.

import express from "express";
import pg from "pg";
import { createClient } from "redis";

const database = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
await database.query("CREATE TABLE IF NOT EXISTS values (number INT)");
const redis = createClient({ url: process.env.REDIS_URL });
await redis.connect();

const app = express();
app.disable("x-powered-by");
app.set("etag", false);
app.use(express.json());

app.get("/", (_request, response) => {
  response.send("Hi");
});

app.get("/values/all", async (_request, response) => {
  const found = await database.query("SELECT number FROM values");
  response.send(found.rows);
});

app.get("/values/current", async (_request, response) => {
  response.send(await redis.hGetAll("values"));
});

app.post("/values", (request, response) => {
  const { index } = request.body;
  if (!Number.isInteger(Number(index)) || Number(index) < 0) {
    response.status(422).send("Not an index");
    return;
  }
  const failed = (error) => console.error(error);
  redis.hSet("values", index, "Nothing yet!").catch(failed);
  redis.publish("insert", String(index)).catch(failed);
  database.query("INSERT INTO values(number) VALUES($1)", [index]).catch(failed);
  response.send({ working: true });
});

const server = app.listen(Number(process.env.PORT), "127.0.0.1", (error) => {
  if (error) {
    throw error;
  }
  console.log("listening");
});
// Longer than a proxy keeps its connections.
server.keepAliveTimeout = 75_000;
