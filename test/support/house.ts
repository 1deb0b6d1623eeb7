import { posix } from "node:path"
import ts from "typescript"

/** An import as it is written. */
interface Import {
  readonly specifier: string
  readonly line: number
  /** Erased before anything runs. */
  readonly typeOnly: boolean
  readonly dynamic: boolean
}

/** A stage's declaration. */
interface Declaration {
  readonly code: string
  /** The module that `load` imports, as it is written; none where it is not a literal import. */
  readonly loads: string | undefined
  readonly line: number
}

interface Module {
  readonly imports: ReadonlyArray<Import>
  readonly declarations: ReadonlyArray<Declaration>
  /** Uses of what a result must not depend on (`process.env`, `new Date`), and of what may never return. */
  readonly uses: ReadonlyArray<{ readonly name: string; readonly line: number }>
}

/** Never returns where Linux says of a folder that is there that it is not: `schemas/makeFolders.ts` does. */
const recursiveMkdir = "mkdir, recursive"

const property = (literal: ts.ObjectLiteralExpression, name: string): ts.Expression | undefined =>
  literal.properties.filter(ts.isPropertyAssignment).find((each) => each.name.getText() === name)?.initializer

const dynamicImport = (node: ts.Node): ts.StringLiteral | undefined => {
  let found: ts.StringLiteral | undefined
  const visit = (each: ts.Node): void => {
    if (ts.isCallExpression(each) && each.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [target] = each.arguments
      if (target !== undefined && ts.isStringLiteral(target)) found = target
    }
    ts.forEachChild(each, visit)
  }
  visit(node)
  return found
}

const isTypeOnly = (node: ts.ImportDeclaration | ts.ExportDeclaration): boolean => {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly
  const clause = node.importClause
  if (clause === undefined) return false
  // With `verbatimModuleSyntax`, `import { type A } from` still loads the module.
  return clause.phaseModifier === ts.SyntaxKind.TypeKeyword
}

const parsed = (path: string, text: string): Module => {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const imports: Array<Import> = []
  const declarations: Array<Declaration> = []
  const uses: Array<{ name: string; line: number }> = []
  const lineOf = (node: ts.Node) => source.getLineAndCharacterOfPosition(node.getStart()).line + 1
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      if (ts.isStringLiteral(node.moduleSpecifier)) {
        const specifier = node.moduleSpecifier.text
        imports.push({ specifier, line: lineOf(node), typeOnly: isTypeOnly(node), dynamic: false })
      }
    }
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
      imports.push({ specifier: node.argument.literal.text, line: lineOf(node), typeOnly: true, dynamic: false })
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [target] = node.arguments
      if (target !== undefined && ts.isStringLiteral(target)) {
        imports.push({ specifier: target.text, line: lineOf(node), typeOnly: false, dynamic: true })
      }
    }
    if (ts.isObjectLiteralExpression(node)) {
      const [code, load] = [property(node, "code"), property(node, "load")]
      if (code !== undefined && ts.isStringLiteral(code) && load !== undefined) {
        declarations.push({ code: code.text, loads: dynamicImport(load)?.text, line: lineOf(code) })
      }
    }
    if (ts.isCallExpression(node) && /^(?:.*\.)?mkdir(?:Sync)?$/.test(node.expression.getText())) {
      const options = node.arguments.find(ts.isObjectLiteralExpression)
      if (options !== undefined && property(options, "recursive") !== undefined) {
        uses.push({ name: recursiveMkdir, line: lineOf(node) })
      }
    }
    if (ts.isPropertyAccessExpression(node)) {
      const name = node.getText().replaceAll(/\s/g, "")
      if (["process.env", "Date.now", "Math.random"].includes(name)) uses.push({ name, line: lineOf(node) })
    }
    if (ts.isNewExpression(node) && node.expression.getText() === "Date") {
      uses.push({ name: "new Date", line: lineOf(node) })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return { imports, declarations, uses }
}

/** The part of the house that a file belongs to: `stages/retrieve`, `pipeline`; `roof` for what is above the stages. */
const roomOf = (path: string): string => {
  const [first = "", second = ""] = path.split("/")
  if (first === "stages") return path.split("/").length > 2 ? `stages/${second}` : "stages"
  return ["pipeline", "neural", "measures", "schemas"].includes(first) ? first : "roof"
}

const floor = (room: string): number =>
  room === "roof" ? 3 : room.startsWith("stages") ? 2 : room === "schemas" ? 0 : 1

/** Reached past a face, for the reason given. */
const excepted = new Map([
  ["cli/launchBundle.ts → pipeline/keys/ApartEsbuild.ts", "the launcher must not load the engine"],
  ["cli/buildExtension.ts → pipeline/keys/ApartEsbuild.ts", "the engine's face must not load esbuild"],
  ["stages/report/bundlePage.ts → pipeline/keys/ApartEsbuild.ts", "the same"],
  ["settings.ts → neural/losses/index.ts", "the settings list the losses without the library of models"],
  ["extension.ts → neural/losses/index.ts", "the same"],
  ["training.ts → neural/losses/index.ts", "the same"],
  ["stages/train/contract.ts → neural/losses/index.ts", "the same"],
  ["cli/Bundle.ts → pipeline/keys/FingerprintStamp.ts", "the launcher must not load the engine"],
  ["cli/launchBundle.ts → pipeline/keys/FingerprintStamp.ts", "the same"],
  ["cli/Bundle.ts → schemas/isRecord.ts", "the same, nor Effect"],
  ["cli/launchBundle.ts → schemas/makeFolders.ts", "the same"],
  ["neural/runtime/SessionWorker.ts → schemas/causeText.ts", "a thread must not load Effect"],
])

const badName = /^(?:utils?|helpers?|common|managers?|misc)$|(?:Utils?|Helpers?|Managers?)$/

/** Not loaded before a stage needs them: native, or large. */
const heavy = /^(?:@duckdb\/|onnxruntime|esbuild|tsx|parquetjs|wink-|@huggingface\/|typescript)/

/** Groups of nodes that reach each other, each as one way round, from its first node in the order of code units. */
const circles = (arrows: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyArray<ReadonlyArray<string>> => {
  const reach = (from: string): ReadonlyMap<string, ReadonlyArray<string>> => {
    const ways = new Map<string, ReadonlyArray<string>>([[from, [from]]])
    for (const [at, way] of ways) {
      for (const to of [...(arrows.get(at) ?? [])].sort()) if (!ways.has(to)) ways.set(to, [...way, to])
    }
    return ways
  }
  const found: Array<ReadonlyArray<string>> = []
  const seen = new Set<string>()
  for (const from of [...arrows.keys()].sort()) {
    if (seen.has(from)) continue
    const back = [...reach(from).entries()].filter(([to]) => arrows.get(to)?.has(from) === true)
    const shortest = back.sort(([, a], [, b]) => a.length - b.length)[0]
    if (shortest === undefined) continue
    for (const [to, way] of back) for (const each of [...way, to]) seen.add(each)
    found.push([...shortest[1], from])
  }
  return found
}

const isOurs = (specifier: string): boolean => specifier.startsWith(".")

/**
 * What in a project breaks the rules of its house, one line each, in the order of the files.
 *
 * @param files text by path from the root with `/`: everything but tests and benchmarks.
 * @param start the module whose static imports every command loads.
 */
export const houseProblems = (files: ReadonlyMap<string, string>, start: string): ReadonlyArray<string> => {
  const modules = new Map<string, Module>()
  for (const [path, text] of files) if (/\.[cm]?[jt]s$/.test(path)) modules.set(path, parsed(path, text))
  const problems: Array<string> = []
  const target = (from: string, specifier: string) => posix.join(posix.dirname(from), specifier)

  for (const [path, module] of modules) {
    const from = roomOf(path)
    const problem = (line: number, text: string) => problems.push(`${path}:${line} ${text}`)
    const name = posix.basename(path).replace(/\..*$/, "")
    if (badName.test(name)) problem(1, `is named «${name}», which says nothing`)
    for (const { specifier, line, typeOnly } of module.imports) {
      if (specifier === "effect") problem(line, "imports the barrel of effect")
      if (specifier === "esbuild" && !typeOnly && path !== "pipeline/keys/ApartEsbuild.ts") {
        problem(line, "starts esbuild where the terminal's signals reach it; pipeline/keys/ApartEsbuild.ts does not")
      }
      if (!isOurs(specifier)) continue
      const to = target(path, specifier)
      if (!files.has(to)) {
        problem(line, `imports ${to}, which is not a file of the project`)
        continue
      }
      if (to.startsWith("test/") || to.startsWith("bench/")) problem(line, `imports ${to}`)
      const into = roomOf(to)
      if (into === from || excepted.has(`${path} → ${to}`) || into === "roof") {
        if (into === "roof" && from !== "roof") problem(line, `points upwards, from ${from} to ${to}`)
        // Inside a room, a folder with a face has it shown too.
        const folder = posix.dirname(to)
        const inside = posix.dirname(path) === folder || path.startsWith(`${folder}/`)
        const past = !inside && files.has(`${folder}/index.ts`) && to !== `${folder}/index.ts`
        if (past && into === from && into !== "roof") problem(line, `reaches past ${folder}/index.ts to ${to}`)
        continue
      }
      if (floor(from) === floor(into)) problem(line, `imports ${into} from ${from}, which stand side by side`)
      else if (floor(from) < floor(into)) problem(line, `points upwards, from ${from} to ${to}`)
      else if (to !== `${into}/index.ts`) problem(line, `reaches past ${into}/index.ts to ${to}`)
    }
    for (const { code, loads, line } of module.declarations) {
      if (!files.has(code)) problem(line, `declares the code ${code}, which is not there`)
      if (loads === undefined) problem(line, `declares the code ${code} and loads no literal module`)
      else if (target(path, loads) !== code) problem(line, `declares the code ${code} and loads ${target(path, loads)}`)
    }
    for (const { name: used, line } of module.uses) {
      const clock = used === "Date.now" || used === "new Date"
      if (used === recursiveMkdir) problem(line, "makes folders itself; schemas/makeFolders.ts does")
      else if (
        clock ? from.startsWith("stages") || ["neural", "measures"].includes(from) : path !== "cli/Environment.ts"
      ) {
        problem(line, `uses ${used}`)
      }
    }
  }

  // Imports of types and of what is loaded when it is needed count as well: a reader follows them all the same.
  const arrows = new Map<string, Set<string>>()
  const between = new Map<string, Set<string>>()
  const faced = (path: string): string => {
    const folder = posix.dirname(path)
    return folder === "." || files.has(`${folder}/index.ts`) ? folder : faced(folder)
  }
  for (const [path, module] of modules) {
    const ours = module.imports.flatMap(({ specifier }) => (isOurs(specifier) ? [target(path, specifier)] : []))
    arrows.set(path, new Set(ours.filter((to) => modules.has(to))))
    const from = faced(path)
    for (const to of ours.map(faced)) {
      // A folder within is part of the room around it.
      if (from === "." || to === "." || `${from}/`.startsWith(`${to}/`) || `${to}/`.startsWith(`${from}/`)) continue
      between.set(from, (between.get(from) ?? new Set()).add(to))
    }
  }
  for (const circle of circles(arrows)) problems.push(`${circle.join(" → ")} is a circle`)
  for (const circle of circles(between)) problems.push(`the rooms ${circle.join(" → ")} are a circle`)

  const stages = new Set([...modules.values()].flatMap(({ declarations }) => declarations.map(({ code }) => code)))
  const reached = new Map([[start, start]])
  for (const [path, way] of reached) {
    for (const { specifier, typeOnly, dynamic } of modules.get(path)?.imports ?? []) {
      if (typeOnly || dynamic) continue
      if (heavy.test(specifier)) problems.push(`${way} loads ${specifier} at the start`)
      const to = target(path, specifier)
      if (!isOurs(specifier) || reached.has(to)) continue
      reached.set(to, `${way} → ${to}`)
      if (stages.has(to)) problems.push(`${way} → ${to} loads a stage at the start`)
      if (to === "neural/index.ts") problems.push(`${way} → ${to} loads the library of models at the start`)
    }
  }

  const lock = files.get("package-lock.json") ?? ""
  for (const [host] of lock.matchAll(/"resolved": "[^"]*"/g)) problems.push(`package-lock.json names a host: ${host}`)
  const npm = files.get(".npmrc") ?? ""
  for (const [line] of npm.matchAll(/^.*(?:registry|:\/\/|_auth).*$/gim))
    problems.push(`.npmrc names a registry: ${line}`)
  // npm 11 warns of keys that are not its own, and npm 12 does not hand them to scripts; this one keeps scripts from running at all.
  const others = npm.split("\n").filter((line) => line !== "" && line !== "ignore-scripts=true")
  for (const line of others) problems.push(`.npmrc has «${line}», and needs ignore-scripts=true alone`)
  if (!npm.includes("ignore-scripts=true")) problems.push(".npmrc lets packages run scripts as they are installed")
  return problems
}
