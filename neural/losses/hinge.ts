import * as Schema from "effect/Schema"
import { setting } from "../../schemas/index.ts"
import * as Onnx from "../onnx/index.ts"
import { defineLoss } from "./LossDefinition.ts"

/** max(0, margin − (s_i − s_j)), mean over the pairs with grade_i > grade_j. */
export const hinge = defineLoss({
  name: "hinge",
  description: "Hinge over pairs",
  settings: Schema.Struct({
    margin: setting(Schema.Number.pipe(Schema.positive()), 1, "By how much the better item of a pair has to lead"),
  }),
  parts: (lists, { margin }) => {
    const short = Onnx.subtract(Onnx.scalarLike(lists.scores, margin), lists.difference(lists.scores))
    return lists.mean(lists.better(), Onnx.relu(short))
  },
})
