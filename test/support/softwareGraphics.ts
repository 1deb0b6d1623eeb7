import { existsSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** Where Debian's chromium and other builds of it have SwiftShader's description for the Vulkan loader. */
const places = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome", "/opt/chromium"].map((folder) =>
  join(folder, "vk_swiftshader_icd.json"),
)

/**
 * What a process needs in its environment to find a Vulkan driver: nothing where `WEBGPU` says that the machine's own will
 * do, else SwiftShader's, which computes on the processor; undefined where there is none. It must be set when the process
 * starts: the loader's own library may lie beside the driver.
 */
export const graphicsEnvironment = (): NodeJS.ProcessEnv | undefined => {
  if (process.env["WEBGPU"] !== undefined) return {}
  const driver = places.find((place) => existsSync(place))
  if (driver === undefined) return undefined
  const libraries = [process.env["LD_LIBRARY_PATH"], dirname(driver)].filter((path) => path !== undefined)
  return {
    ...{ VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: libraries.join(":") },
    // Where it is not set, a library that looks for a display says so.
    XDG_RUNTIME_DIR: process.env["XDG_RUNTIME_DIR"] ?? tmpdir(),
  }
}
