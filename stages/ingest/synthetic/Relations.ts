import type { Random } from "../../../schemas/index.ts"
/**
 * Ten things one can ask about a place: how the question is put, and how a passage says the answer. The first passage
 * template of a relation shares words with its questions, the others say the same in other words.
 */

import { indefinite } from "./English.ts"
import { people, person } from "./Names.ts"

/** What a template is filled with: a place as it is named here, with and without a capital, and the answer. */
export interface Mention {
  readonly place: string
  readonly Place: string
  readonly answer: string
}

type Template = (mention: Mention) => string

export interface Relation {
  readonly name: string
  readonly answer: (random: Random) => string
  readonly questions: ReadonlyArray<(place: string) => string>
  readonly passages: ReadonlyArray<Template>
  /** Passages that quote the question and leave it open. */
  readonly evasions: ReadonlyArray<(place: string) => string>
}

const numbers = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"] as const
const hours = ["five", "six", "seven", "eight", "nine", "ten", "eleven"] as const
const minutes = ["", "half past ", "a quarter past ", "a quarter to ", "ten past ", "twenty to "] as const
const coins = [
  "copper pennies",
  "silver marks",
  "iron groats",
  "bronze farthings",
  "brass tokens",
  "pewter shillings",
  "gold florins",
  "glass beads",
  "clay sous",
  "ivory chips",
] as const
const materials = [
  "red sandstone",
  "blue slate",
  "white marble",
  "black basalt",
  "yellow brick",
  "river pebbles",
  "oak beams",
  "green serpentine",
  "grey granite",
  "rammed earth",
  "whale bone",
  "pink limestone",
  "tarred timber",
  "fired clay",
  "flint and mortar",
  "bamboo canes",
] as const
const dead = [
  "drowned bellringer",
  "headless drummer",
  "weeping bride",
  "one-eyed pirate",
  "forgotten duchess",
  "limping monk",
  "murdered jeweller",
  "faithless cook",
  "lost chimney sweep",
  "whistling gardener",
  "blind clockmaker",
  "penniless poet",
  "grieving widow",
  "laughing jester",
  "hanged smuggler",
  "sleepless judge",
  "barefoot nun",
  "jealous tailor",
] as const
const hauntings = [
  "in wet boots",
  "in a torn cloak",
  "with a lamp",
  "with a rusty key",
  "in a white veil",
  "with a broken sword",
] as const
const treasureStuff = ["silver", "golden", "jade", "crystal", "ivory", "bronze", "amber", "pearl"] as const
const treasureThings = [
  "astrolabe",
  "crown",
  "chess set",
  "hand mirror",
  "flute",
  "hourglass",
  "sceptre",
  "drinking horn",
  "music box",
  "casket",
  "telescope",
  "snuffbox",
  "globe",
  "harp",
  "mask",
  "peacock",
] as const
const cooked = ["smoked", "roasted", "pickled", "spiced", "braised", "honeyed", "stuffed", "grilled"] as const
const eaten = [
  "eel pie",
  "duck with plums",
  "turnip stew",
  "goose liver",
  "trout in butter",
  "mushroom dumplings",
  "lamb shank",
  "cabbage rolls",
  "almond pudding",
  "pear tart",
  "barley soup",
  "quail eggs",
  "pork ribs",
  "onion cake",
  "crab claws",
  "chestnut bread",
] as const

const pick = (random: Random, words: ReadonlyArray<string>): string => words[random.below(words.length)]!

export const relations: ReadonlyArray<Relation> = [
  {
    name: "builder",
    answer: (random) => person(random.below(people)),
    questions: [
      (place) => `Who built ${place}?`,
      (place) => `Who was the architect of ${place}?`,
      (place) => `Who designed ${place}?`,
    ],
    passages: [
      ({ Place, answer }) => `${Place} was built by the architect ${answer}, who designed it.`,
      ({ place, answer }) => `It was ${answer} who drew the plans for ${place}.`,
      ({ place, answer }) => `The walls of ${place} went up under the eye of ${answer}.`,
      ({ place, answer }) => `${answer} raised ${place} with borrowed money.`,
    ],
    evasions: [
      (place) => `Who built ${place} is a question that nobody has settled.`,
      (place) => `The name of the architect who designed ${place} has been lost.`,
    ],
  },
  {
    name: "year",
    answer: (random) => String(1100 + random.below(800)),
    questions: [
      (place) => `When was ${place} built?`,
      (place) => `In which year was ${place} founded?`,
      (place) => `How old is ${place}?`,
    ],
    passages: [
      ({ Place, answer }) => `${Place} was founded and built in the year ${answer}.`,
      ({ place, answer }) => `The first stone of ${place} carries the date ${answer}.`,
      ({ place, answer }) => `Records of ${place} go back to ${answer}.`,
      ({ Place, answer }) => `${Place} first welcomed guests in ${answer}.`,
    ],
    evasions: [
      (place) => `Scholars cannot agree when ${place} was built, or how old it is.`,
      (place) => `The year in which ${place} was founded is missing from the chronicle.`,
    ],
  },
  {
    name: "owner",
    answer: (random) => person(random.below(people)),
    questions: [
      (place) => `Who owns ${place}?`,
      (place) => `Who is the owner of ${place}?`,
      (place) => `Who does ${place} belong to?`,
    ],
    passages: [
      ({ place, answer }) => `The owner of ${place} is ${answer}.`,
      ({ place, answer }) => `The deeds to ${place} are in the name of ${answer}.`,
      ({ place, answer }) => `${answer} keeps the keys of ${place} and pays its taxes.`,
      ({ Place, answer }) => `${Place} was inherited by ${answer} from an aunt.`,
    ],
    evasions: [
      (place) => `Two families quarrel over who owns ${place}.`,
      (place) => `Nobody will say who the owner of ${place} is.`,
    ],
  },
  {
    name: "material",
    answer: (random) => pick(random, materials),
    questions: [
      (place) => `What is ${place} made of?`,
      (place) => `Which material was used to build ${place}?`,
      (place) => `What is ${place} built from?`,
    ],
    passages: [
      ({ Place, answer }) => `${Place} is built and made of ${answer}.`,
      ({ place, answer }) => `Carts brought ${answer} over the hills for the walls of ${place}.`,
      ({ Place, answer }) => `${Place} gleams after rain because of its ${answer}.`,
      ({ place, answer }) => `Touch the outside of ${place} and you feel ${answer}.`,
    ],
    evasions: [
      (place) => `What ${place} is made of cannot be seen under the ivy.`,
      (place) => `They used to build in another material before ${place} was painted over.`,
    ],
  },
  {
    name: "height",
    answer: (random) => `${20 + random.below(180)} feet`,
    questions: [
      (place) => `How tall is ${place}?`,
      (place) => `How high is ${place}?`,
      (place) => `What is the height of ${place}?`,
    ],
    passages: [
      ({ Place, answer }) => `${Place} is ${answer} tall.`,
      ({ Place, answer }) => `${Place} rises ${answer} above its steps.`,
      ({ place, answer }) => `It takes a rope of ${answer} to climb ${place}.`,
      ({ place, answer }) => `A stone dropped from the top of ${place} falls ${answer}.`,
    ],
    evasions: [
      (place) => `How tall ${place} is depends on whom you ask.`,
      (place) => `The height of ${place} has never been measured, high as it is.`,
    ],
  },
  {
    name: "opening",
    answer: (random) => `${pick(random, minutes)}${pick(random, hours)}`,
    questions: [
      (place) => `When does ${place} open?`,
      (place) => `What time does ${place} open in the morning?`,
      (place) => `What are the opening hours of ${place}?`,
    ],
    passages: [
      ({ Place, answer }) => `${Place} opens at ${answer} in the morning.`,
      ({ place, answer }) => `The doors of ${place} are unlocked at ${answer}.`,
      ({ place, answer }) => `Nobody gets into ${place} before ${answer}.`,
      ({ place, answer }) => `At ${answer} a bell calls the first guests into ${place}.`,
    ],
    evasions: [
      (place) => `When ${place} will open depends on the mood of the porter.`,
      (place) => `The opening hours of ${place} have been scratched off the sign.`,
    ],
  },
  {
    name: "fee",
    answer: (random) => `${pick(random, numbers)} ${pick(random, coins)}`,
    questions: [
      (place) => `How much does it cost to enter ${place}?`,
      (place) => `What is the entrance fee of ${place}?`,
      (place) => `How much is a ticket for ${place}?`,
    ],
    passages: [
      ({ place, answer }) => `It costs ${answer} to enter ${place}.`,
      ({ place, answer }) => `Guests of ${place} drop ${answer} into a bowl.`,
      ({ place, answer }) => `The porter of ${place} asks ${answer} from every stranger.`,
      ({ place, answer }) => `Bring ${answer} if you mean to see ${place}.`,
    ],
    evasions: [
      (place) => `How much it costs to enter ${place} changes with the weather.`,
      (place) => `The entrance fee of ${place} is not written on the ticket.`,
    ],
  },
  {
    name: "ghost",
    answer: (random) => `${indefinite(pick(random, dead))} ${pick(random, hauntings)}`,
    questions: [
      (place) => `Which ghost haunts ${place}?`,
      (place) => `Who is said to haunt ${place}?`,
      (place) => `What ghost has been seen in ${place}?`,
    ],
    passages: [
      ({ place, answer }) => `The ghost said to haunt ${place} is ${answer}.`,
      ({ place, answer }) => `After dusk ${answer} walks the corridors of ${place}.`,
      ({ place, answer }) => `Guests of ${place} swear they met ${answer}, long dead.`,
      ({ place, answer }) => `The sobbing on the stairs of ${place} comes from ${answer}.`,
    ],
    evasions: [
      (place) => `Some say a ghost haunts ${place}, but none can say which.`,
      (place) => `No ghost has ever been seen in ${place}, whatever is said.`,
    ],
  },
  {
    name: "treasure",
    answer: (random) => indefinite(`${pick(random, treasureStuff)} ${pick(random, treasureThings)}`),
    questions: [
      (place) => `What treasure is kept in ${place}?`,
      (place) => `Which treasure is hidden in ${place}?`,
      (place) => `What is the most precious thing in ${place}?`,
    ],
    passages: [
      ({ place, answer }) => `The treasure kept in ${place} is ${answer}.`,
      ({ place, answer }) => `Kings have tried to buy ${answer} from ${place}.`,
      ({ place, answer }) => `Two guards sleep beside ${answer} in the vault of ${place}.`,
      ({ place, answer }) => `Thieves once came to ${place} for ${answer} and left without it.`,
    ],
    evasions: [
      (place) => `Rumours of a treasure hidden in ${place} have never been proved.`,
      (place) => `A precious thing was once kept in ${place}, but it was sold.`,
    ],
  },
  {
    name: "dish",
    answer: (random) => `${pick(random, cooked)} ${pick(random, eaten)}`,
    questions: [
      (place) => `What dish is ${place} famous for?`,
      (place) => `What food is served in ${place}?`,
      (place) => `What should I eat in ${place}?`,
    ],
    passages: [
      ({ Place, answer }) => `${Place} is famous for a dish of ${answer}.`,
      ({ place, answer }) => `The cook of ${place} is proudest of the ${answer}.`,
      ({ place, answer }) => `People cross the valley for the ${answer} of ${place}.`,
      ({ place, answer }) => `The kitchen of ${place} smells of ${answer} all day.`,
    ],
    evasions: [
      (place) => `Few remember what dish ${place} was famous for.`,
      (place) => `No food is served in ${place} now, so eat before you go.`,
    ],
  },
]

/**
 * Sentences that stand beside a fact. Two in three use words that questions use: a word that only questions used would be
 * rare, and weigh too much.
 */
export const fillers: ReadonlyArray<(town: string) => string> = [
  () => "People argue about who built what.",
  () => "The year was a wet one, when little was built.",
  (town) => `The owner of ${town}'s ferry disagrees.`,
  () => "What time the rain stops is anybody's guess.",
  () => "A ghost story costs nothing.",
  (town) => `No house in ${town} is said to be as old, or as tall.`,
  () => "The guide knows how much is made up.",
  () => "It was designed to be seen from afar.",
  () => "It is where I should like to eat.",
  () => "Nobody knows which bridge was founded first.",
  () => "The ticket office belongs to the harbour master.",
  () => "Food served nearby is famous and dear.",
  () => "Treasure hunters used to enter by night.",
  () => "The opening of the fair is a precious hour.",
  () => "An architect would call the material poor.",
  () => "The height of the grass is absurd.",
  () => "Most of it is hidden behind ivy.",
  () => "The entrance is kept clear of snow.",
  () => "No dish goes cold here, for a small fee.",
  () => "Old quarrels haunt the council.",
  () => "In the morning high clouds come in.",
  () => "Ask which thing it does best, and how.",
  () => "Who owns the cat is unclear.",
  () => "What it cost to build is a treasure in itself.",
  () => "The lane behind it is narrow.",
  () => "Swallows nest under the gutters.",
  () => "Half the neighbours have painted it.",
  (town) => `The road from ${town} bends twice.`,
  () => "Strangers are greeted with a joke.",
  (town) => `Every child of ${town} has been there.`,
  () => "The floorboards creak.",
  () => "In autumn it is lost in mist.",
  (town) => `A painting of it hangs in ${town}.`,
  () => "Carters rest their horses outside.",
  () => "The postman refuses to go near.",
  () => "It survived two fires and a wedding.",
]

/** Sentences that name a neighbour of the place that the passage is about. */
export const neighbours: ReadonlyArray<(other: string) => string> = [
  (other) => `It stands opposite ${other}.`,
  (other) => `From ${other} it is a short walk.`,
  (other) => `It is older than ${other}.`,
  (other) => `Few go on to ${other}.`,
]
