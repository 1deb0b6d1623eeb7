/**
 * The type of an artifact: wiring a `Run` where `Candidates` are due does not compile, because the name is in the type.
 *
 * A kind is a plain value, compared by name; tables (`TableKind`) also know their columns.
 */
export interface ArtifactKind<out Name extends string = string> {
  readonly name: Name
}

/** Declares a kind of artifact: a folder of files whose inside is known to the stages that write and read it. */
export const artifactKind = <const Name extends string>(name: Name): ArtifactKind<Name> => ({ name })
