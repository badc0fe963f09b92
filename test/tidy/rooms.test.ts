import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

/* Who may import whom. Data flows one way, and only two rooms and a file know of Temporal. */

const ROOT = join(import.meta.dirname, '..', '..');

/** What each room may import of the others; `errors` may be imported by all. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  errors: [],
  secrets: [],
  connectors: ['secrets'],
  tunnel: ['connectors', 'secrets'],
  mapping: ['connectors'],
  storage: ['mapping'],
  definitions: ['connectors', 'mapping', 'secrets', 'tunnel'],
  extraction: ['connectors', 'definitions', 'mapping', 'storage'],
  delivery: ['definitions', 'mapping', 'secrets', 'storage'],
  activities: [
    ...['connectors', 'definitions', 'delivery', 'extraction', 'mapping', 'storage', 'tunnel'],
    'workflows',
  ],
  // Types only, but for three files of `definitions`: see below.
  workflows: ['activities', 'definitions', 'delivery', 'extraction', 'storage', 'tunnel'],
  client: ['definitions', 'secrets', 'storage', 'tunnel', 'workflows'],
  worker: [
    'activities',
    'connectors',
    'definitions',
    'delivery',
    'secrets',
    'storage',
    'tunnel',
    'workflows',
  ],
  cli: ['client', 'dev', 'worker'],
  dev: ['cli', 'client', 'worker', 'workflows'],
};

/** Packages that only some rooms may import. */
const PACKAGES: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^@temporalio\/workflow$/, ['workflows']],
  [/^@temporalio\/activity$/, ['activities']],
  [/^@temporalio\/worker$/, ['worker']],
  [/^@temporalio\//, ['activities', 'client', 'dev', 'worker', 'workflows']],
  [/^pg$/, ['connectors', 'dev']],
  [/^mysql2$/, ['connectors']],
  [/^tedious/, ['connectors']],
  [/^snowflake-sdk/, ['connectors']],
  [/^ssh2$/, ['tunnel']],
  [/^(@google-cloud|google-auth-library)/, ['connectors']],
  [/^@aws-sdk\//, ['storage']],
  [/^commander$/, ['cli']],
  [/^@opentelemetry\//, ['worker']],
];

interface Import {
  readonly file: string;
  readonly room: string;
  readonly specifier: string;
  readonly isType: boolean;
}

const roomOf = (file: string) => file.split('/')[0]?.replace(/\.ts$/, '') ?? '';

const imports: readonly Import[] = globSync('{errors,worker}.ts', { cwd: ROOT })
  .concat(globSync(`{${Object.keys(MAY_IMPORT).join(',')}}/**/*.ts`, { cwd: ROOT }))
  .flatMap(importsOf);

function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(file, readFileSync(join(ROOT, file), 'utf8'), ts.ScriptTarget.Latest);
  const found: Import[] = [];
  const note = (specifier: ts.Expression | undefined, isType: boolean) => {
    if (specifier !== undefined && ts.isStringLiteral(specifier)) {
      found.push({ file, room: roomOf(file), specifier: specifier.text, isType });
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node))
      note(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    if (ts.isExportDeclaration(node)) note(node.moduleSpecifier, node.isTypeOnly);
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      note(node.arguments[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const targetOf = ({ file, specifier }: Import) => relative(ROOT, join(ROOT, dirname(file), specifier));
const isLocal = ({ specifier }: Import) => specifier.startsWith('.');

test('rooms import only what lies before them', () => {
  const wrong = imports.filter(isLocal).filter((found) => {
    const target = roomOf(targetOf(found));
    return target !== found.room && target !== 'errors' && MAY_IMPORT[found.room]?.includes(target) !== true;
  });
  expect(wrong.map((found) => `${found.file} → ${targetOf(found)}`)).toEqual([]);
  expect(imports.length).toBeGreaterThan(200);
});

test('workflows take only types from other rooms, but for what is as deterministic as they are', () => {
  const values = imports.filter(
    (found) =>
      found.room === 'workflows' &&
      isLocal(found) &&
      !found.isType &&
      roomOf(targetOf(found)) !== 'workflows',
  );
  expect(new Set(values.map(targetOf))).toEqual(
    new Set([
      'definitions/alertLimits.ts',
      'definitions/durationMs.ts',
      'definitions/keepMs.ts',
      'errors.ts',
    ]),
  );
});

test('a connector is only known by its folder, and by the two files that choose among connectors', () => {
  const wrong = imports.filter(isLocal).filter((found) => {
    const [, connector] = /^connectors\/(\w+)\//.exec(targetOf(found)) ?? [];
    return (
      connector !== undefined &&
      !found.file.startsWith(`connectors/${connector}/`) &&
      !['connectors/config.ts', 'connectors/open.ts'].includes(found.file)
    );
  });
  expect(wrong.map((found) => `${found.file} → ${targetOf(found)}`)).toEqual([]);
});

test('Temporal, drivers and HTTP are known where they belong, and nowhere else', () => {
  const wrong = imports.filter(({ specifier, room }) => {
    const [, rooms] = PACKAGES.find(([pattern]) => pattern.test(specifier)) ?? [];
    return rooms?.includes(room) === false;
  });
  expect(wrong.map(({ file, specifier }) => `${file} → ${specifier}`)).toEqual([]);
});
