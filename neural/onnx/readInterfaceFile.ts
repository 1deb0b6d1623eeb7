import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import { gitLfsPointer, longestPointer } from "../../schemas/index.ts"
import { type ModelInterface, readInterface } from "./readInterface.ts"

/**
 * Reads what an ONNX file says about itself; of a file of any size only the parts that are needed are read.
 *
 * @throws ProtobufError where it is no ONNX model, an Error where a pointer of Git LFS stands in its place, and Node's
 * error where it cannot be read
 */
export const readInterfaceFile = (path: string): ModelInterface => {
  const file = openSync(path, "r")
  try {
    const byteLength = fstatSync(file).size
    const read = (offset: number, length: number) => {
      const bytes = new Uint8Array(length)
      return bytes.subarray(0, readSync(file, bytes, 0, length, offset))
    }
    const pointer = byteLength > longestPointer ? undefined : gitLfsPointer(read(0, byteLength))
    if (pointer !== undefined) throw new Error(`${pointer.problem}. ${pointer.remedy}`)
    return readInterface({ byteLength, read })
  } finally {
    closeSync(file)
  }
}
