import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import { type ModelInterface, readInterface } from "./readInterface.ts"

/**
 * Reads what an ONNX file says about itself; of a file of any size only the parts that are needed are read.
 *
 * @throws ProtobufError where it is no ONNX model, and Node's error where it cannot be read
 */
export const readInterfaceFile = (path: string): ModelInterface => {
  const file = openSync(path, "r")
  try {
    return readInterface({
      byteLength: fstatSync(file).size,
      read: (offset, length) => {
        const bytes = new Uint8Array(length)
        return bytes.subarray(0, readSync(file, bytes, 0, length, offset))
      },
    })
  } finally {
    closeSync(file)
  }
}
