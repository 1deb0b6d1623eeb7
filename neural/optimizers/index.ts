export { GroupsInvalid } from "./GroupError.ts"
export { learningRates, scheduleShare } from "./schedule.ts"
