import * as Onnx from "../onnx/index.ts"
import { defineLoss } from "./LossDefinition.ts"

/** ((s_i − s_j) − (t_i − t_j))², mean over the pairs with grade_i > grade_j. Hofstätter et al., 2020. */
export const marginMse = defineLoss({
  name: "marginmse",
  description: "Squared error of the margins that a teacher's scores have",
  needsTeacher: true,
  parts: (lists) => {
    const ahead = lists.difference(Onnx.subtract(lists.scores, lists.teacher()))
    return lists.mean(lists.better(), Onnx.multiply(ahead, ahead))
  },
})
