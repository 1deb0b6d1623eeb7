import type { Shown } from "./View.ts"

/** A name for a file of what is shown: `nfcorpus-test-browse-ndcg-10`. */
export const fileNameOf = ({ dataset, split, view }: Shown, ...more: ReadonlyArray<string>): string =>
  [dataset.name, split.name, ...(view.kind === "all" ? [] : [view.kind]), ...more]
    .map((part) =>
      part
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}]+/gu, "-")
        .replaceAll(/^-|-$/g, ""),
    )
    .filter((part) => part !== "")
    .join("-")
