// Style and mistakes of the pages' scripts; `make lint` runs it.

import js from "@eslint/js";
import stylistic from "@stylistic/eslint-plugin";
import globals from "globals";

const STYLE = {
  "@stylistic/arrow-parens": ["error", "always"],
  "@stylistic/brace-style": ["error", "1tbs", { allowSingleLine: true }],
  "@stylistic/comma-dangle": ["error", "always-multiline"],
  "@stylistic/indent": ["error", 2, { SwitchCase: 1 }],
  "@stylistic/max-len": ["error", { code: 120, ignoreTemplateLiterals: false }],
  "@stylistic/eol-last": "error",
  "@stylistic/no-trailing-spaces": "error",
  "@stylistic/object-curly-spacing": ["error", "always"],
  "@stylistic/quotes": ["error", "double", { avoidEscape: true, allowTemplateLiterals: "never" }],
  "@stylistic/semi": "error",
  "@stylistic/space-before-blocks": "error",
  "@stylistic/keyword-spacing": "error",
  "@stylistic/spaced-comment": "error",
};

export default [
  { ignores: [".venv/", "var/", "build/", "staticfiles/", "benchmarks/"] }, // they drive another viewer
  js.configs.recommended,
  {
    plugins: { "@stylistic": stylistic },
    rules: {
      ...STYLE,
      "eqeqeq": "error",
      "no-shadow": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": ["error", { destructuring: "all" }],
      "prefer-template": "error",
    },
  },
  { files: ["static/js/**"], languageOptions: { globals: globals.browser } },
  { files: ["tests/**"], languageOptions: { globals: { ...globals.node, ...globals.browser } } }, // which tests imitate
];
