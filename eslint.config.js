import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** One selector of a construct that is not to be written, and what to do instead. */
const banned = (selector, message) => ({ selector, message });

const focusedOrSkipped = [
  banned(
    "CallExpression[callee.type='MemberExpression'][callee.object.name=/^(t|tap|st|test)$/][callee.property.name=/^(only|skip|todo)$/]",
    'Every test runs, every time: no only, skip or todo.',
  ),
  banned(
    "CallExpression[callee.type='MemberExpression'][callee.property.name=/^(test|only)$/] > ObjectExpression > Property[key.name=/^(only|skip|todo)$/]",
    'Every test runs, every time: no only, skip or todo.',
  ),
];

export default tseslint.config(
  { ignores: ['**/dist/', 'node_modules/', 'data/', '.tap/'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/ban-ts-comment': ['error', { minimumDescriptionLength: 10 }],
      // Numbers and booleans read well in a template; objects and undefined do not.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // A port is asynchronous whatever its in-memory adapter does.
      '@typescript-eslint/require-await': 'off',
      // `() => socket.close()` as a callback is clear enough.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // TypeScript's narrowing does not see that a callback changed a variable.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // Wrong about a type parameter: its fix for `queue[i] as M` does not compile.
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      // nact's types resolve to `{}` in places.
      '@typescript-eslint/no-generated-empty-object-type': 'off',
      eqeqeq: 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
      'no-restricted-syntax': [
        'error',
        banned(
          "CallExpression[callee.property.name='catch'] > ArrowFunctionExpression > BlockStatement[body.length=0]",
          'A swallowed rejection: handle it, or say in the log why it does not matter.',
        ),
        ...focusedOrSkipped,
      ],
    },
  },
  {
    files: ['api/page/**/*.{ts,tsx}'],
    languageOptions: {
      parserOptions: { project: './api/page/tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
  },
  {
    files: ['{engine,adapters,api}/**/*.{ts,tsx}'],
    rules: { 'no-console': 'error' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // tap waits for the subtests of a test by itself.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafePromises: [
            { from: 'package', package: '@tapjs/core', name: 'PromiseWithSubtest' },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.js', '**/*.cjs'],
    languageOptions: { globals: { module: 'writable', process: 'readonly', URL: 'readonly' } },
  },
  {
    files: ['examples/*.mjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', Buffer: 'readonly' } },
  },
  {
    files: ['examples/**/*.jsx'],
    languageOptions: {
      parserOptions: { ecmaFeatures: { jsx: true } },
      globals: {
        console: 'readonly',
        document: 'readonly',
        location: 'readonly',
        URLSearchParams: 'readonly',
      },
    },
    // The core rule does not see that a component is used in JSX.
    rules: { 'no-unused-vars': ['error', { varsIgnorePattern: '^[A-Z]' }] },
  },
);
