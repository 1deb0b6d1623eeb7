import * as Schema from "effect/Schema"
import { setting, weight } from "../../schemas/index.ts"
import * as Onnx from "../onnx/index.ts"
import { defineLoss } from "./LossDefinition.ts"

/** ((s_i − s_j) − scale · (t_i − t_j))², mean over the pairs with grade_i > grade_j. Hofstätter et al., 2020. */
export const marginMse = defineLoss({
  name: "marginmse",
  description: "Squared error of the margins that a teacher's scores have",
  needsTeacher: true,
  settings: Schema.Struct({
    scale: setting(weight, 1, "What the teacher's margins are multiplied by; cosines are narrow, and 20 suits them"),
  }),
  parts: (lists, { scale }) => {
    const taught = Onnx.multiply(lists.teacher(), scale)
    const ahead = lists.difference(Onnx.subtract(lists.scores, taught))
    return lists.mean(lists.better(), Onnx.multiply(ahead, ahead))
  },
})
