/** The kinds of place and the facets by which people browse for one: what both can be called. */

/** A noun in both numbers. */
export interface Noun {
  readonly one: string
  readonly many: string
}

const noun = (one: string, many = `${one}s`): Noun => ({ one, many })

/** Ten kinds; the first name of each is the usual one. No name belongs to two kinds. */
export const kinds: ReadonlyArray<ReadonlyArray<Noun>> = [
  [noun("library", "libraries"), noun("reading room"), noun("book house"), noun("athenaeum")],
  [noun("bakery", "bakeries"), noun("bread shop"), noun("bakehouse"), noun("cake shop")],
  [noun("inn"), noun("tavern"), noun("guesthouse"), noun("lodge")],
  [noun("museum"), noun("gallery", "galleries"), noun("exhibition hall")],
  [noun("theatre"), noun("playhouse"), noun("opera house")],
  [noun("bathhouse"), noun("spa"), noun("swimming bath"), noun("steam house")],
  [noun("tea house"), noun("café"), noun("coffee room")],
  [noun("market"), noun("bazaar"), noun("trading hall"), noun("arcade")],
  [noun("garden"), noun("park"), noun("arboretum"), noun("orchard")],
  [noun("workshop"), noun("studio"), noun("craft house"), noun("atelier")],
]

/**
 * A facet: six values, each with five phrases, the first the usual one. All phrases of a facet fill one slot of a
 * sentence, so that any of them can stand wherever the facet is named.
 */
export interface Facet {
  readonly name: "mood" | "setting" | "feature" | "crowd" | "price" | "hours"
  readonly values: ReadonlyArray<ReadonlyArray<string>>
}

/** In the order of the facets' indices. The comment after each name is the slot that its phrases fill. */
export const facets: ReadonlyArray<Facet> = [
  {
    name: "mood", // before the noun: "a … library"
    values: [
      ["quiet", "hushed", "peaceful", "tranquil", "noiseless"],
      ["lively", "bustling", "boisterous", "noisy", "merry"],
      ["grand", "majestic", "stately", "palatial", "splendid"],
      ["shabby", "ramshackle", "run-down", "threadbare", "neglected"],
      ["cosy", "snug", "homely", "intimate", "welcoming"],
      ["eerie", "spooky", "uncanny", "ghostly", "sinister"],
    ],
  },
  {
    name: "setting", // after the noun: "a library …"
    values: [
      ["by the river", "beside the water", "along the canal", "down by the quay", "on the waterfront"],
      ["on a hill", "above the rooftops", "on the high ridge", "up the steep lane", "at the summit"],
      ["in the woods", "among the trees", "under tall pines", "deep in the forest", "in a beech grove"],
      ["on the main square", "in the town centre", "opposite the town hall", "on the high street", "amid the crowd"],
      ["below ground", "in an old cellar", "under the street", "in a vaulted crypt", "inside a cave"],
      ["at the edge of town", "beyond the last houses", "on the outskirts", "outside the walls", "far from the centre"],
    ],
  },
  {
    name: "feature", // after "with": "a library with …"
    values: [
      ["a rose arbour", "a walled lawn", "flower beds", "blossoming hedges", "a sunken flower court"],
      ["an open fire", "a roaring hearth", "a tiled stove", "a log burner", "glowing coals"],
      ["a tower", "a lofty turret", "a spire", "a tall belfry", "a lookout post"],
      ["live music", "a string band", "singers every evening", "a resident fiddler", "nightly concerts"],
      ["sleepy cats", "a sleepy tabby", "purring kittens", "a family of strays", "whiskered residents"],
      ["stained glass", "coloured windows", "jewel-bright panes", "leaded lights", "a rainbow skylight"],
    ],
  },
  {
    name: "crowd", // after "for": "a library for …"
    values: [
      ["children", "little ones", "young families", "toddlers", "boys and girls"],
      ["scholars", "learned people", "learned students", "professors", "serious researchers"],
      ["travellers", "wayfarers", "passing strangers", "people on a journey", "weary pilgrims"],
      ["couples", "sweethearts", "young lovers", "newlyweds", "romantic souls"],
      ["sailors", "seafaring folk", "ship's crews", "old mariners", "deckhands on leave"],
      ["dog owners", "people with hounds", "visitors with a terrier", "puppies and owners", "four-legged guests"],
    ],
  },
  {
    name: "price", // on its own, after a verb or a noun: "… you get in …"
    values: [
      ["for free", "without paying", "at no charge", "for nothing at all", "with an empty purse"],
      ["on a small budget", "for a few coins", "for next to nothing", "at a modest price", "for pocket money"],
      ["at a high price", "for a small fortune", "at great expense", "for a purse of gold", "at a princely sum"],
      ["by swapping goods", "by barter", "for fresh eggs", "by trading", "for firewood"],
      [
        "by subscription",
        "with a membership card",
        "as a paying member",
        "through a yearly pledge",
        "on a season ticket",
      ],
      ["by invitation", "with a letter", "as somebody's guest", "on recommendation", "with a sealed note"],
    ],
  },
  {
    name: "hours", // after the noun or after "is": "a library …", "it is …"
    values: [
      ["open late", "open past midnight", "open till the small hours", "lit up all night", "busy after dark"],
      [
        "open at dawn",
        "open before breakfast",
        "ready at first light",
        "awake with the roosters",
        "open to early risers",
      ],
      ["open in winter", "open during the snows", "heated in cold months", "busy in frost", "warm in January"],
      [
        "open on holidays",
        "open on feast days",
        "bright on festival days",
        "busy on holy days",
        "busy during the fair",
      ],
      ["open at weekends", "open on Saturdays", "closed from Monday to Friday", "open on free days", "busy on Sundays"],
      ["open by appointment", "open on request", "unlocked on demand", "shown by arrangement", "shown after a letter"],
    ],
  },
]
