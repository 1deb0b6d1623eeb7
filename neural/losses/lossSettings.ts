import * as Schema from "effect/Schema"
import { choice, count, SystemName, section, setting, weight } from "../../schemas/index.ts"
import { type Loss, LossSetting } from "./LossDefinition.ts"
import { allLosses, lossDigest, lossNamed } from "./registry.ts"

/** A loss, its settings filled in, as a stage is told of it: of a loss that there is. */
export const LossConfig = Schema.Struct(
  { kind: Schema.NonEmptyString },
  { key: Schema.String, value: LossSetting },
).pipe(Schema.filter(({ kind }) => lossNamed(kind) !== undefined || `there is no loss «${kind}»`))

const withDigest = (loss: Loss): Loss => {
  const code = lossDigest(loss.kind)
  return code === undefined ? loss : { ...loss, code }
}

/** The loss of a name with settings of its own, those left out at their defaults. */
export const lossOf = (name: string, settings: unknown): Loss => {
  const definition = lossNamed(name)
  return withDigest(definition === undefined ? { kind: name } : definition.fill(settings))
}

/** Whether a loss needs a teacher's scores. */
export const needsTeacher = ({ kind }: Loss): boolean => lossNamed(kind)?.needsTeacher === true

/** Whether a loss looks at the passages of a step's other lists, where each query is compared with them. */
export const looksOverBatch = ({ kind }: Loss): boolean => lossNamed(kind)?.overBatch === true

/** What a configuration says of losses. */
export interface LossChoices {
  readonly losses: ReadonlyArray<string | { readonly name: SystemName; readonly loss: Loss }>
  readonly loss: Readonly<Record<string, unknown>>
}

/** The losses of a training with the names that systems have for them. */
export const lossesOf = ({
  loss,
  losses,
}: LossChoices): ReadonlyArray<{ readonly name: string; readonly loss: Loss }> =>
  losses.map((each) =>
    typeof each === "string"
      ? { name: each, loss: lossOf(each, loss[each] ?? {}) }
      : { name: each.name, loss: withDigest(each.loss) },
  )

const kindOf = (name: string) => Schema.Struct({ kind: Schema.Literal(name) })

/** The settings of a training that name its losses and set them, of all losses that there are, ours and those from outside. */
export const lossFields = () => {
  const known = allLosses()
  const Name = Schema.Literal(...known.map(({ name }) => name))
  const members: ReadonlyArray<Schema.Schema.AnyNoContext> = known.map(({ name, settings }) =>
    settings === undefined ? kindOf(name) : Schema.extend(kindOf(name), settings),
  )
  const OwnLoss = Schema.make<Loss, unknown>(Schema.Union(...members).ast)
  const All = Schema.Struct(
    Object.fromEntries(
      known.flatMap(({ description, name, settings }) =>
        settings === undefined ? [] : [[name, section(settings, description)] as const],
      ),
    ),
  )
  return {
    losses: setting(
      Schema.NonEmptyArray(
        Schema.Union(
          Name,
          Schema.Struct({
            name: SystemName.annotations({ description: "What the system's name has for it" }),
            loss: OwnLoss.annotations({ description: "Its kind, and the parameters of that kind" }),
          }),
        ),
      ),
      ["hybrid"],
      "The losses to train each model with: names, with the parameters under loss, or objects with a name and a loss of its own",
    ),
    loss: section(All, "The losses' parameters"),
    before: choice(
      Schema.Struct({
        loss: setting(Name, "marginmse", "Its loss, with the parameters under loss"),
        steps: setting(count, 1000, "Its updates"),
        learningRate: choice(weight, "The height of its learning rate; left out, the training's"),
      }),
      "A training before the others, once for each model and seed, which they all go on from: as from a teacher's scores, before labels; left out, none",
    ),
  }
}
