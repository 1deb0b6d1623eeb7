import { gitLfsPointer } from "../../../schemas/index.ts"
import { UnreadableFile } from "../IngestError.ts"

interface Format {
  /** in words */
  readonly name: string
  /** its first bytes */
  readonly magic: ReadonlyArray<number> | string
  readonly fix: string
}

const unpack = (command: string): string => `Unpack it (${command}), or pack it as .gz or .zst.`

const formats: ReadonlyArray<Format> = [
  {
    name: "LZ4 data",
    magic: [0x04, 0x22, 0x4d, 0x18],
    fix: 'Unpack it (lz4 -d). Where ranx wrote it, let ranx write JSON: Run.from_file("run.lz4").save("run.json").',
  },
  { name: "bzip2 data", magic: "BZh", fix: unpack("bunzip2") },
  { name: "xz data", magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], fix: unpack("unxz") },
  { name: "a zip archive", magic: "PK\u0003\u0004", fix: unpack("unzip") },
  { name: "Parquet, and not text", magic: "PAR1", fix: "Name it .parquet, or write its rows as text." },
  { name: "an Arrow or Feather file, and not text", magic: "ARROW1", fix: "Write its rows as Parquet or text." },
  { name: "an HDF5 file, and not text", magic: [0x89, 0x48, 0x44, 0x46], fix: "Write its rows as text." },
  { name: "an SQLite database, and not text", magic: "SQLite format 3\u0000", fix: "Write its rows as text." },
  { name: "UTF-16", magic: [0xff, 0xfe], fix: "Convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)." },
  { name: "UTF-16", magic: [0xfe, 0xff], fix: "Convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)." },
  ...[2, 3, 4, 5].map((protocol) => ({
    name: "a Python pickle",
    magic: [0x80, protocol],
    fix: "A pickle can run code and is never read: write its rows as text, from Python.",
  })),
]

/**
 * The error for a file that is no text at all, told by its first bytes: another packing, another format, a pointer.
 * `undefined` where it may be text.
 *
 * @param shown the file's name in errors
 * @param start its first bytes
 */
export const foreignFormat = (shown: string, start: Uint8Array): UnreadableFile | undefined => {
  const pointer = gitLfsPointer(start)
  if (pointer !== undefined) {
    return new UnreadableFile({ file: shown, reason: "a pointer", detail: pointer.problem, fix: pointer.remedy })
  }
  for (const { fix, magic, name } of formats) {
    const bytes = typeof magic === "string" ? Buffer.from(magic, "latin1") : magic
    if (!bytes.every((byte, i) => start[i] === byte)) continue
    return new UnreadableFile({ file: shown, reason: "another format", detail: `this is ${name}`, fix })
  }
  return undefined
}
