// Builds what browsers load: frontend/ → src/lingxiu/ui/static/built (plain names; Django hashes them), and the
// Chinese font for pixels and PDFs → src/lingxiu/ui/built_fonts (never served). `--watch` rebuilds on change.

import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";

import * as esbuild from "esbuild";
import * as sass from "sass";

const FRONTEND = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(FRONTEND, "..");
const MODULES = join(ROOT, "node_modules");
const UI = join(ROOT, "src/lingxiu/ui");
const BUILT = join(UI, "static/built");
const FONTS = join(UI, "built_fonts");

/** The oldest browsers we are seen in: WebViews of WeChat, 浙里办, 浙政钉 and HarmonyOS, and Safari of three years ago. */
const TARGETS = ["chrome100", "safari16", "firefox115"];

const ENTRIES = {
  frame: "islands/frame.ts",
  page: "islands/page.ts",
  form: "islands/form.ts",
  list: "islands/list.ts",
  desk: "islands/desk.ts",
  photo: "islands/photo.ts",
  place: "islands/place.ts",
  hands: "islands/hands.ts",
  arrive: "islands/arrive.ts",
  chart: "islands/chart.ts",
  days: "islands/days.ts",
  map: "islands/map.ts",
  style: "styles/style.css",
  "map-style": "styles/map.css",
  // MapLibre's worker is a file of ours: the content security policy allows no blob, so the page passes its address.
  "map-worker": "../node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs",
};

const FONT_FILES = { "NotoSansSC-Regular.ttf": "400Regular", "NotoSansSC-Bold.ttf": "700Bold" };

/** Packages whose words are in what we ship though esbuild does not bundle a file of theirs. */
const COPIED_PACKAGES = ["@tabler/core", "@tabler/icons", "@expo-google-fonts/noto-sans-sc"];

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));
const readPalette = () => readJson(join(FRONTEND, "palette.json"));
const kebab = (name) => name.replaceAll("_", "-");

/** Every colour as a custom property, and a class `tone-<meaning>` that sets the four a component paints with. */
function paletteCss({ tones, means, surface, map }) {
  const root = [
    ...Object.entries(surface).map(([name, colour]) => `--${kebab(name)}: ${colour};`),
    ...Object.entries(map).map(([name, colour]) => `--map-${kebab(name)}: ${colour};`),
    ...Object.entries(tones).map(([name, tone]) => `--${name}: ${tone.fill}; --${name}-ink: ${tone.ink}; --${name}-soft: ${tone.soft};`),
  ];
  const paint = (tone) => `--tone: ${tone.fill}; --tone-on: ${tone.on}; --tone-ink: ${tone.ink}; --tone-soft: ${tone.soft};`;
  const classes = Object.entries(means).map(([name, tone]) => `.tone-${kebab(name)} { ${paint(tones[tone])} }`);
  return `:root { ${root.join(" ")} ${paint(tones.grey)} }\n${classes.join("\n")}\n`;
}

/** The palette's surfaces as Sass variables, so that Tabler's own parts are computed from them. */
const paletteScss = ({ surface }) =>
  Object.entries(surface).map(([name, colour]) => `$${kebab(name)}: ${colour};`).join("\n");

/** `light-dark(a, b)` → `a`: our pages are light, and the function is too young for the browsers above. */
function lightOnly(css) {
  const start = css.lastIndexOf("light-dark(");
  if (start < 0) return css;
  let depth = 0;
  let comma = -1;
  for (let at = start + "light-dark".length; at < css.length; at++) {
    if (css[at] === "(") depth++;
    if (css[at] === "," && depth === 1 && comma < 0) comma = at;
    if (css[at] === ")" && --depth === 0) {
      return lightOnly(css.slice(0, start) + css.slice(start + "light-dark(".length, comma) + css.slice(at + 1));
    }
  }
  throw new Error("light-dark( is never closed");
}

const sassPlugin = {
  name: "sass",
  setup(build) {
    const palette = {
      canonicalize: (url) => (url === "palette" ? new URL("palette:surfaces") : null),
      load: () => ({ contents: paletteScss(readPalette()), syntax: "scss" }),
    };
    build.onLoad({ filter: /\.scss$/ }, ({ path }) => {
      const { css, loadedUrls } = sass.compile(path, { loadPaths: [MODULES], importers: [palette] });
      const watchFiles = loadedUrls.filter((url) => url.protocol === "file:").map((url) => fileURLToPath(url));
      return { contents: lightOnly(css), loader: "css", resolveDir: dirname(path), watchFiles };
    });
  },
};

const palettePlugin = {
  name: "palette",
  setup(build) {
    build.onResolve({ filter: /^palette$/ }, () => ({ path: "palette", namespace: "palette" }));
    build.onLoad({ filter: /.*/, namespace: "palette" }, () => ({
      contents: paletteCss(readPalette()),
      loader: "css",
      watchFiles: [join(FRONTEND, "palette.json")],
    }));
  },
};

/** One sprite of the icons in icons.json (our name → Tabler's); a name Tabler does not have stops the build. */
function buildIcons() {
  const symbols = Object.entries(readJson(join(FRONTEND, "icons.json"))).map(([name, tabler]) => {
    const filled = tabler.endsWith("-filled");
    const file = filled ? `filled/${tabler.replace(/-filled$/, "")}.svg` : `outline/${tabler}.svg`;
    const svg = readFileSync(join(MODULES, "@tabler/icons/icons", file), "utf8");
    const shapes = svg
      .replace(/^[\s\S]*?<svg[^>]*>/, "")
      .replace("</svg>", "")
      .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*\/>/, "")
      .replace(/\s*\n\s*/g, "");
    const ink = filled ? 'fill="currentColor"' : 'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"';
    return `<symbol id="${name}" viewBox="0 0 24 24" ${ink}>${shapes}</symbol>`;
  });
  writeFileSync(join(BUILT, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("\n")}</svg>\n`);
}

function copyFonts() {
  mkdirSync(FONTS, { recursive: true });
  const font = join(MODULES, "@expo-google-fonts/noto-sans-sc");
  for (const [name, weight] of Object.entries(FONT_FILES)) {
    copyFileSync(join(font, weight, `NotoSansSC_${weight}.ttf`), join(FONTS, name));
  }
  copyFileSync(join(font, "LICENSE_FONT"), join(FONTS, "LICENSE"));
}

/** The package a bundled file belongs to, or null for our own. */
function packageOf(path) {
  const inside = path.split("node_modules/").at(-1);
  if (inside === path) return null;
  return inside.split("/").slice(0, inside.startsWith("@") ? 2 : 1).join("/");
}

/** Name, version, licence and full licence text of everything of others that is in what we ship. */
function writeNotices(metafile) {
  const packages = new Set(COPIED_PACKAGES);
  for (const path of Object.keys(metafile.inputs)) {
    const name = packageOf(path);
    if (name) packages.add(name);
  }
  // MapLibre and ECharts arrive as finished bundles, so what they depend on is inside without esbuild seeing it.
  for (const name of ["maplibre-gl", "echarts"]) {
    for (const dependency of Object.keys(readJson(join(MODULES, name, "package.json")).dependencies)) packages.add(dependency);
  }
  const notices = [...packages].sort().map((name) => {
    const folder = join(MODULES, name);
    const { version, license } = readJson(join(folder, "package.json"));
    const texts = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile() && /^(licen[sc]e|notice|copying)/i.test(entry.name));
    return [`${name} ${version} (${license})`, ...texts.map((entry) => readFileSync(join(folder, entry.name), "utf8").trim())].join("\n\n");
  });
  writeFileSync(join(BUILT, "THIRD-PARTY.txt"), notices.join(`\n\n${"=".repeat(80)}\n\n`) + "\n");
}

function report() {
  for (const name of readdirSync(BUILT).sort()) {
    const bytes = readFileSync(join(BUILT, name));
    const compressed = (brotliCompressSync(bytes).length / 1000).toFixed(1);
    console.log(`${name.padEnd(18)} ${(bytes.length / 1000).toFixed(1).padStart(8)} kB ${compressed.padStart(8)} kB brotli`);
  }
}

const options = {
  entryPoints: Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, join(FRONTEND, path)])),
  outdir: BUILT,
  absWorkingDir: ROOT,
  bundle: true,
  format: "esm",
  target: TARGETS,
  minify: true,
  metafile: true,
  legalComments: "none", // the full texts are in THIRD-PARTY.txt
  loader: { ".json": "json", ".svg": "dataurl" },
  plugins: [palettePlugin, sassPlugin],
  logLevel: "warning",
};

if (!existsSync(MODULES)) throw new Error("node_modules is missing: run `npm ci` first (or `make setup`)");
rmSync(BUILT, { recursive: true, force: true });
mkdirSync(BUILT, { recursive: true });
buildIcons();
copyFonts();
copyFileSync(join(FRONTEND, "palette.json"), join(BUILT, "palette.json"));
if (process.argv.includes("--watch")) {
  const context = await esbuild.context({ ...options, minify: false, sourcemap: "inline" });
  await context.watch();
  console.log("watching frontend/");
} else {
  const { metafile } = await esbuild.build(options);
  writeNotices(metafile);
  report();
}
