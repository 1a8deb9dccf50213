// Validates the AsyncAPI document on standard input by the official schema; prints what is wrong.

import { readFileSync } from "node:fs";

import Ajv from "ajv";

const file = new URL("node_modules/@asyncapi/specs/schemas/3.0.0.json", import.meta.url);
// The schema brings the meta-schema that it refers to.
const ajv = new Ajv({ allErrors: true, meta: false, strict: false, validateFormats: false, validateSchema: false });
const validate = ajv.compile(JSON.parse(readFileSync(file, "utf8")));
if (!validate(JSON.parse(readFileSync(0, "utf8")))) {
  console.log(JSON.stringify(validate.errors.slice(0, 10), null, 1));
  process.exit(1);
}
