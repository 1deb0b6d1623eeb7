import tseslint from "typescript-eslint"

// Formatting and import order are Biome's; the house's arrows are test/house.test.ts's. Here: what types alone do not say.
export default tseslint.config(
  { ignores: ["node_modules", "artifacts", "dist", "**/fixtures/**", "test/reference/**/*.{js,mjs}"] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/consistent-type-assertions": ["error", { assertionStyle: "never" }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-restricted-syntax": [
        "error",
        {
          // `array[i]!` states a bound the loop already guarantees; anywhere else `!` hides a missing case.
          selector: "TSNonNullExpression:not([expression.type='MemberExpression'][expression.computed=true])",
          message: "`!` is allowed on an index into an array only; handle the missing case instead.",
        },
        {
          selector: "ImportExpression:not([source.type='Literal'])",
          message: "A dynamic import must name its module literally, or the code fingerprint cannot follow it.",
        },
      ],
      "no-restricted-globals": [
        "error",
        { name: "console", message: "Report through Effect's Console, the progress callback or the logger." },
      ],
      "no-restricted-properties": [
        "error",
        { object: "process", property: "env", message: "Declare it in cli/Environment.ts and pass it in." },
        { object: "Math", property: "random", message: "Use a seeded generator." },
      ],
    },
  },
  {
    // The one place where the environment is read.
    files: ["cli/Environment.ts"],
    rules: { "no-restricted-properties": "off" },
  },
  {
    files: ["test/**", "bench/**", "packaging/**", "*.config.*"],
    rules: {
      "no-restricted-properties": "off",
      "no-restricted-globals": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
    },
  },
  { files: ["**/*.js"], ...tseslint.configs.disableTypeChecked },
)
