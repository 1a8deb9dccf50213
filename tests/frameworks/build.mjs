// Builds an application for a browser: node build.mjs ENTRY OUTPUT. Does what a bundler's plugins do.
import { readFile } from "node:fs/promises";
import { build } from "esbuild";
import { compile } from "svelte/compiler";
import { compileScript, parse } from "vue/compiler-sfc";

const [entry, outfile] = process.argv.slice(2);

const vue = (source, filename) => {
  const { descriptor } = parse(source, { filename });
  return compileScript(descriptor, { id: "room", inlineTemplate: true }).content;
};
const svelte = (source, filename) => compile(source, { filename, generate: "client" }).js.code;

const components = {
  name: "components",
  setup({ onLoad }) {
    for (const [filter, compiled] of [[/\.vue$/, vue], [/\.svelte$/, svelte]]) {
      onLoad({ filter }, async ({ path }) => ({ contents: compiled(await readFile(path, "utf8"), path), loader: "js" }));
    }
  },
};

await build({
  entryPoints: [entry], outfile, bundle: true, format: "esm", plugins: [components], jsx: "automatic",
  logLevel: "error", preserveSymlinks: true, nodePaths: [new URL("node_modules", import.meta.url).pathname],
  conditions: ["browser"],
  define: {
    "process.env.NODE_ENV": '"production"', __VUE_OPTIONS_API__: "false", __VUE_PROD_DEVTOOLS__: "false",
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
  },
});
