import { families } from "../../neural/index.ts"

const heading = "Scores equal those of transformers 5.24 within 1e-4 for the heads behind a model type."

/** The families of models: their model types, with the heads whose scores are proven, and repositories that people fetch. */
export const renderModelList = (): string =>
  [
    heading,
    ...families.map(({ modelTypes, name, proven = {}, repositories }) =>
      [
        name,
        ...Object.keys(modelTypes).map((type) => `  ${type}: ${(proven[type] ?? ["nothing is proven"]).join(", ")}`),
        ...repositories.map(({ head, modelType, name: repository }) => `    ${repository} (${modelType}, ${head})`),
      ].join("\n"),
    ),
  ]
    .map((part) => `${part}\n`)
    .join("\n")
