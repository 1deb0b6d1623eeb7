export const projectRoot: string = new URL("..", import.meta.url).pathname
