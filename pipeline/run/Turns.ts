import * as Effect from "effect/Effect"
import { Permits } from "./Permits.ts"

/** One holder of a name at a time in this process. Of names that nobody holds or waits for nothing is kept. */
export class Turns {
  readonly #turns = new Map<string, { readonly one: Permits; users: number }>()

  /** Has a name as long as an effect lasts. */
  inTurn(name: string) {
    return <A, E, R>(use: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.suspend(() => {
        const turn = this.#turns.get(name) ?? { one: new Permits(1), users: 0 }
        this.#turns.set(name, turn)
        turn.users++
        const leave = Effect.sync(() => {
          if (--turn.users === 0) this.#turns.delete(name)
        })
        return Effect.ensuring(turn.one.withPermits(1)(use), leave)
      })
  }
}
