import { readdirSync, readFileSync } from "node:fs"
import { join, relative, sep } from "node:path"
import { describe, expect, it } from "vitest"
import { houseProblems } from "./support/house.ts"

const root = join(import.meta.dirname, "..")

const project = (): ReadonlyMap<string, string> => {
  const folders = ["cli", "library", "stages", "pipeline", "neural", "measures", "schemas"]
  const names = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/")),
  )
  const files = [
    ...names,
    "dag.ts",
    "candidates.ts",
    "experiment.ts",
    "fusions.ts",
    "extension.ts",
    "settings.ts",
    "passages.ts",
    "sweep.ts",
    "training.ts",
    "vectors.ts",
    "package.json",
    "package-lock.json",
    ".npmrc",
  ].sort()
  return new Map(files.map((file) => [file, readFileSync(join(root, file), "utf8")]))
}

const sound = {
  "experiment.ts": 'import { retrieve } from "./stages/retrieve/index.ts"',
  "cli/main.ts": 'import { run } from "../pipeline/index.ts"\nimport "../experiment.ts"',
  "stages/retrieve/index.ts": `
    import { stage } from "../../pipeline/index.ts"
    import { Kinds } from "../../schemas/index.ts"
    export const retrieve = stage({ code: "stages/retrieve/search.ts", load: () => import("./search.ts") })`,
  "stages/retrieve/search.ts": 'import "../../neural/index.ts"\nimport "@duckdb/node-api"',
  "stages/evaluate/index.ts": "",
  "stages/evaluate/statistics/tTest.ts": 'import "../Scores.ts"',
  "stages/evaluate/Scores.ts": "",
  "measures/index.ts": 'import "../schemas/index.ts"',
  "pipeline/index.ts": 'import "./Stage.ts"',
  "pipeline/Stage.ts": 'import "../schemas/index.ts"',
  "neural/index.ts": 'import "./onnx/index.ts"\nimport "../schemas/index.ts"',
  "neural/onnx/index.ts": 'import "./Graph.ts"',
  "neural/onnx/Graph.ts": "",
  "neural/losses.ts": 'import "./onnx/index.ts"',
  "schemas/index.ts": 'import * as Schema from "effect/Schema"',
  ".npmrc": "ignore-scripts=true\n",
  "package-lock.json": '{ "packages": {} }',
}

const problems = (changed: Readonly<Record<string, string>>) =>
  houseProblems(new Map(Object.entries({ ...sound, ...changed })), "cli/main.ts")

describe("the house", () => {
  it("K27 arrows run downwards, faces are not passed, stages are loaded when they run, nothing names a registry; no circles (K40)", () => {
    expect(houseProblems(project(), "cli/main.ts")).toEqual([])
  })

  it("K27 the check passes a sound house", () => {
    expect(problems({})).toEqual([])
  })

  const broken: ReadonlyArray<readonly [string, Readonly<Record<string, string>>, string]> = [
    [
      "schemas import nothing of ours",
      { "schemas/index.ts": 'import type { Stage } from "../pipeline/index.ts"' },
      "schemas/index.ts:1 points upwards, from schemas to pipeline/index.ts",
    ],
    [
      "the engine knows no stage",
      { "pipeline/Stage.ts": '\nexport { retrieve } from "../stages/retrieve/index.ts"' },
      "pipeline/Stage.ts:2 points upwards, from pipeline to stages/retrieve/index.ts",
    ],
    [
      "the engine knows no model",
      { "pipeline/Stage.ts": 'import "../neural/index.ts"' },
      "pipeline/Stage.ts:1 imports neural from pipeline, which stand side by side",
    ],
    [
      "models know no engine",
      { "neural/losses.ts": 'const later = () => import("../pipeline/index.ts")' },
      "neural/losses.ts:1 imports pipeline from neural, which stand side by side",
    ],
    [
      "measures know no engine",
      { "measures/index.ts": 'import type { Stage } from "../pipeline/index.ts"' },
      "measures/index.ts:1 imports pipeline from measures, which stand side by side",
    ],
    [
      "a stage family imports no other",
      { "stages/evaluate/Scores.ts": 'import type { Hit } from "../retrieve/index.ts"' },
      "stages/evaluate/Scores.ts:1 imports stages/retrieve from stages/evaluate, which stand side by side",
    ],
    [
      "a stage does not know the roof",
      { "stages/evaluate/Scores.ts": 'import "../../experiment.ts"' },
      "stages/evaluate/Scores.ts:1 points upwards, from stages/evaluate to experiment.ts",
    ],
    [
      "nothing reaches past a face",
      { "stages/evaluate/Scores.ts": 'import type { Node } from "../../pipeline/Stage.ts"' },
      "stages/evaluate/Scores.ts:1 reaches past pipeline/index.ts to pipeline/Stage.ts",
    ],
    [
      "also of a folder within",
      { "neural/losses.ts": 'import "./onnx/Graph.ts"' },
      "neural/losses.ts:1 reaches past neural/onnx/index.ts to neural/onnx/Graph.ts",
    ],
    [
      "nor does the roof",
      { "experiment.ts": 'import "./stages/retrieve/search.ts"' },
      "experiment.ts:1 reaches past stages/retrieve/index.ts to stages/retrieve/search.ts",
    ],
    [
      "an import of what is not there",
      { "experiment.ts": 'import "./stages/train/index.ts"' },
      "experiment.ts:1 imports stages/train/index.ts, which is not a file of the project",
    ],
    [
      "a stage's code is what it loads",
      { "stages/evaluate/index.ts": 's({ code: "stages/retrieve/search.ts", load: () => import("./Scores.ts") })' },
      "stages/evaluate/index.ts:1 declares the code stages/retrieve/search.ts and loads stages/evaluate/Scores.ts",
    ],
    [
      "and exists",
      { "stages/evaluate/index.ts": 's({ code: "stages/evaluate/gone.ts", load: () => import("./gone.ts") })' },
      "stages/evaluate/index.ts:1 declares the code stages/evaluate/gone.ts, which is not there",
    ],
    [
      "and is loaded when it runs",
      { "stages/retrieve/index.ts": `${sound["stages/retrieve/index.ts"]}\nimport "./search.ts"` },
      "cli/main.ts → experiment.ts → stages/retrieve/index.ts → stages/retrieve/search.ts loads a stage at the start",
    ],
    [
      "the library of models too",
      { "experiment.ts": `${sound["experiment.ts"]}\nimport { score } from "./neural/index.ts"` },
      "cli/main.ts → experiment.ts → neural/index.ts loads the library of models at the start",
    ],
    [
      "native libraries too",
      { "schemas/index.ts": 'import { version } from "@duckdb/node-api"' },
      "cli/main.ts → pipeline/index.ts → pipeline/Stage.ts → schemas/index.ts loads @duckdb/node-api at the start",
    ],
    ["names that say nothing", { "pipeline/utils.ts": "" }, "pipeline/utils.ts:1 is named «utils», which says nothing"],
    [
      "the same",
      { "pipeline/StoreManager.ts": "" },
      "pipeline/StoreManager.ts:1 is named «StoreManager», which says nothing",
    ],
    ["the environment", { "pipeline/Stage.ts": "process.env.HOME" }, "pipeline/Stage.ts:1 uses process.env"],
    ["the clock", { "stages/retrieve/search.ts": "\nnew Date()" }, "stages/retrieve/search.ts:2 uses new Date"],
    ["the clock", { "neural/losses.ts": "Date.now()" }, "neural/losses.ts:1 uses Date.now"],
    [
      "folders that are made by what may never return (C141)",
      { "neural/losses.ts": "mkdirSync(path, { recursive: true })" },
      "neural/losses.ts:1 makes folders itself; schemas/makeFolders.ts does",
    ],
    ["chance", { "schemas/index.ts": "Math.random()" }, "schemas/index.ts:1 uses Math.random"],
    [
      "Effect's barrel",
      { "schemas/index.ts": 'import { Schema } from "effect"' },
      "schemas/index.ts:1 imports the barrel of effect",
    ],
    [
      "one module starts esbuild",
      { "stages/evaluate/Scores.ts": 'import type * as types from "esbuild"\nimport * as esbuild from "esbuild"' },
      "stages/evaluate/Scores.ts:2 starts esbuild where the terminal's signals reach it; pipeline/keys/ApartEsbuild.ts does not",
    ],
    [
      "a host in the lock",
      { "package-lock.json": '"resolved": "https://registry.example/effect.tgz"' },
      'package-lock.json names a host: "resolved": "https://registry.example/effect.tgz"',
    ],
    [
      "a key that npm does not know",
      { ".npmrc": "ignore-scripts=true\nonnxruntime-node-install=skip\n" },
      ".npmrc has «onnxruntime-node-install=skip», and needs ignore-scripts=true alone",
    ],
    ["install scripts", { ".npmrc": "" }, ".npmrc lets packages run scripts as they are installed"],
    ["a registry", { ".npmrc": "registry=http://x" }, ".npmrc names a registry: registry=http://x"],
  ]

  it.each(broken)("K27 the check can fail: %s", (_, changed, expected) => {
    expect(problems(changed)).toContain(expected)
  })

  const circular: typeof broken = [
    [
      "two files that import each other",
      { "stages/evaluate/Scores.ts": 'import "./statistics/tTest.ts"' },
      "stages/evaluate/Scores.ts → stages/evaluate/statistics/tTest.ts → stages/evaluate/Scores.ts is a circle",
    ],
    [
      "a stage's work that takes a type of the stage that loads it",
      { "stages/retrieve/search.ts": 'import type { retrieve } from "./index.ts"' },
      "stages/retrieve/index.ts → stages/retrieve/search.ts → stages/retrieve/index.ts is a circle",
    ],
    [
      "a file that imports itself",
      { "schemas/Kinds.ts": 'export * from "./Kinds.ts"' },
      "schemas/Kinds.ts → schemas/Kinds.ts is a circle",
    ],
    [
      "rooms that need each other, though no two of their files do",
      {
        "pipeline/store/index.ts": "",
        "pipeline/store/Gc.ts": 'import "../run/index.ts"',
        "pipeline/run/index.ts": "",
        "pipeline/run/Runner.ts": 'import "../store/index.ts"',
      },
      "the rooms pipeline/run → pipeline/store → pipeline/run are a circle",
    ],
  ]

  it.each(circular)("K40 the check can fail: %s", (_, changed, expected) => {
    expect(problems(changed)).toContain(expected)
  })
})
