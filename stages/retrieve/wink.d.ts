declare module "wink-bm25-text-search" {
  interface Engine {
    defineConfig(config: {
      fldWeights: Record<string, number>
      bm25Params?: { k1: number; b: number; k: number }
    }): boolean
    definePrepTasks(tasks: ReadonlyArray<(input: never) => unknown>): number
    addDoc(document: Record<string, string>, id: number): number
    consolidate(precision?: number): boolean
    search(text: string, limit?: number): Array<[id: string, score: number]>
  }
  export default function bm25(): Engine
}

declare module "wink-nlp-utils" {
  const nlp: {
    readonly string: {
      readonly lowerCase: (text: string) => string
      readonly removeExtraSpaces: (text: string) => string
      readonly tokenize0: (text: string) => Array<string>
    }
    readonly tokens: {
      readonly removeWords: (tokens: Array<string>) => Array<string>
      readonly stem: (tokens: Array<string>) => Array<string>
      readonly propagateNegations: (tokens: Array<string>) => Array<string>
    }
  }
  export default nlp
}
