export {
  type Differentiated,
  differentiate,
  type Gradients,
  gradients,
  type RowGradient,
  type Wanted,
} from "./gradients.ts"
