import { defineConfig } from 'oxlint'
import { importRules } from './provision/imports.ts'

// Biome formats and lints; oxlint adds what needs types (promises) and who may import whom.
export default defineConfig({
  categories: { correctness: 'off' },
  plugins: ['typescript', 'import'],
  ignorePatterns: ['**/dist/**', '**/generated/**', '**/node_modules/**', '**/*.d.ts'],
  rules: {
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'import/no-cycle': ['error', { ignoreTypes: true }],
  },
  overrides: importRules().map(({ files, excludeFiles, patterns }) => ({
    files,
    excludeFiles,
    rules: { 'no-restricted-imports': ['error', { patterns }] },
  })),
})
