import axios from "axios";
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter, Link, Route, Routes } from "react-router-dom";
import "./client.css";

function Fib() {
  const [seenIndexes, setSeenIndexes] = useState([]);
  const [values, setValues] = useState({});
  const [index, setIndex] = useState("");

  useEffect(() => {
    axios.get("/api/values/current").then(({ data }) => setValues(data));
    axios.get("/api/values/all").then(({ data }) => setSeenIndexes(data));
  }, []);

  const submit = async (event) => {
    event.preventDefault();
    await axios.post("/api/values", { index });
    setIndex("");
  };

  return (
    <div>
      <form onSubmit={submit}>
        <label>Enter your index:</label>
        <input value={index} onChange={(event) => setIndex(event.target.value)} />
        <button>Submit</button>
      </form>
      <h3>Indexes I have seen:</h3>
      {seenIndexes.map(({ number }) => number).join(", ")}
      <h3>Calculated values:</h3>
      {Object.entries(values).map(([key, value]) => (
        <div key={key}>For index {key} I calculated {value}</div>
      ))}
    </div>
  );
}

function OtherPage() {
  return (
    <div>
      I&apos;m some other page!
      <Link to="/">Go back home</Link>
    </div>
  );
}

function App() {
  return (
    <BrowserRouter>
      <div className="App">
        <header className="App-header">
          <h1>Fib Calculator</h1>
          <Link to="/">Home</Link>
          <Link to="/otherpage">Other Page</Link>
        </header>
        <Routes>
          <Route path="/" element={<Fib />} />
          <Route path="/otherpage" element={<OtherPage />} />
        </Routes>
      </div>
    </BrowserRouter>
  );
}

createRoot(document.getElementById("root")).render(<StrictMode><App /></StrictMode>);
