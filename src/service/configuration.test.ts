import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { modelSettings, models } from '#models';
import { ConfigurationError } from '#platform';
import { type ConfigurationSources, readOptions } from '#platform/configuration';
import { temporaryDirectory } from '#platform/testing';
import { allOptions, configuredModelModules, loadConfiguration } from './configuration.ts';

const nothing = { flags: {}, environment: {} };

function directoryWith(t: TestContext, configuration: unknown, name = 'millrace.config.json'): string {
  const directory = temporaryDirectory(t);
  const text = typeof configuration === 'string' ? configuration : JSON.stringify(configuration);
  writeFileSync(join(directory, name), text);
  return directory;
}

function refused(sources: ConfigurationSources, code: string, ...mentioned: RegExp[]): void {
  assert.throws(
    () => loadConfiguration(sources),
    (error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.equal(error.code, code);
      for (const each of mentioned) assert.match(`${error.message}\n${error.hint}`, each);
      return true;
    },
  );
}

describe('configuration', () => {
  it('has defaults for everything, and an absolute data directory', (t) => {
    const directory = temporaryDirectory(t);
    const configuration = loadConfiguration({ ...nothing, directory });
    assert.equal(configuration.data, join(directory, '.millrace'));
    assert.deepEqual(configuration.http, {
      host: '127.0.0.1',
      allowedHosts: [],
      port: 8080,
      origins: [],
      bodiesMb: 32,
      proxyTls: 'off',
    });
    assert.equal(configuration.admission.dedupHorizonMs, 24 * 3_600_000);
    assert.equal(configuration.training.epochs, undefined);
  });

  it('has a ranker trained every day, on what the machine has, and every parameter of every model', (t) => {
    const { training, declared } = loadConfiguration({ ...nothing, directory: temporaryDirectory(t) });
    assert.deepEqual([training.provider, training.schedule], ['auto', '0 3 * * *']);
    assert.deepEqual(modelSettings(declared).rankers, ['stacked']);
    const paths = new Set(allOptions().map(({ path }) => path));
    for (const { name: model, parameters } of models) {
      for (const name of Object.keys(parameters)) assert.ok(paths.has(`models.${model}.${name}`), name);
    }
    const learned = (name: string) =>
      loadConfiguration({ ...nothing, directory: directoryWith(t, { models: { [name]: { epochs: 3 } } }) });
    assert.deepEqual(modelSettings(learned('dlrm').declared).configOf.dlrm, { epochs: 3 });
    for (const model of ['two-tower', 'neumf', 'dlrm']) {
      assert.ok(paths.has(`models.${model}.embeddingOptimiser`), model);
    }
  });

  it('prefers flags to the environment, and that to the file', (t) => {
    const directory = directoryWith(t, {
      http: { port: 1, host: 'file' },
      data: 'file',
      logging: { level: 'warn' },
    });
    const { http, data, logging } = loadConfiguration({
      flags: { 'http.port': '3', 'logging.level': undefined },
      environment: { MILLRACE_HTTP_PORT: '2', MILLRACE_DATA: '/elsewhere', PATH: '/bin' },
      directory,
    });
    assert.deepEqual(
      { http, data, logging },
      {
        http: { allowedHosts: [], origins: [], bodiesMb: 32, port: 3, host: 'file', proxyTls: 'off' },
        data: '/elsewhere',
        logging: { level: 'warn' },
      },
    );
  });

  it('reads the file that is named, and wants it to exist', (t) => {
    const directory = directoryWith(t, { gate: { minimumLift: 1.5 } }, 'other.json');
    assert.equal(loadConfiguration({ ...nothing, directory, file: 'other.json' }).gate.minimumLift, 1.5);
    refused({ ...nothing, directory, file: 'none.json' }, 'MR_CONFIG_FILE', /none\.json/);
  });

  it('refuses a file that is not one JSON object', (t) => {
    for (const text of ['{', '[]', 'null', '"text"']) {
      refused({ ...nothing, directory: directoryWith(t, text) }, 'MR_CONFIG_FILE', /millrace\.config\.json/);
    }
  });

  it('refuses unknown options wherever they come from', (t) => {
    const directory = temporaryDirectory(t);
    refused(
      { ...nothing, directory, flags: { 'http.prot': 1 } },
      'MR_CONFIG_UNKNOWN',
      /http\.prot/,
      /http\.port/,
    );
    refused(
      { ...nothing, directory, environment: { MILLRACE_PORT: '1' } },
      'MR_CONFIG_UNKNOWN',
      /MILLRACE_HTTP_PORT/,
    );
    for (const wrong of [{ http: { prot: 1 } }, { colour: 'red' }, { constructor: 1 }]) {
      refused(
        { ...nothing, directory: directoryWith(t, wrong) },
        'MR_CONFIG_UNKNOWN',
        /millrace\.config\.json/,
      );
    }
  });

  it('names option, value, expectation and source of a wrong value', (t) => {
    const directory = temporaryDirectory(t);
    const environment = { MILLRACE_HTTP_PORT: '70000' };
    refused(
      { ...nothing, directory, environment },
      'MR_CONFIG_INVALID',
      /http\.port/,
      /70000/,
      /65535/,
      /MILLRACE_HTTP_PORT/,
    );
    refused(
      { ...nothing, directory, flags: { 'simulation.users': 'many' } },
      'MR_CONFIG_INVALID',
      /"many"/,
      /number/,
    );
    refused(
      { ...nothing, directory, environment: { MILLRACE_TRAINING_SEED: '' } },
      'MR_CONFIG_INVALID',
      /training\.seed/,
    );
    refused({ ...nothing, directory: directoryWith(t, { http: 8080 }) }, 'MR_CONFIG_INVALID', /section http/);
    refused(
      { ...nothing, directory: directoryWith(t, { http: { port: '80' } }) },
      'MR_CONFIG_INVALID',
      /"80"/,
    );
    refused(
      { ...nothing, directory: directoryWith(t, { logging: { level: null } }) },
      'MR_CONFIG_INVALID',
      /null/,
    );
  });

  it('weighs only what can be of interest', (t) => {
    const directory = temporaryDirectory(t);
    const weighed = (weights: string) => ({
      ...nothing,
      directory,
      environment: { MILLRACE_EXAMPLES_WEIGHTS: weights },
    });
    assert.deepEqual(loadConfiguration(weighed('{"view": 0.1}')).examples.weights, { view: 0.1 });
    for (const wrong of ['{"impression": 1}', '{"view": -1}']) {
      refused(weighed(wrong), 'MR_CONFIG_INVALID', /examples\.weights/);
    }
  });

  it('refuses gates of metrics that are nearly known, and leaves those of models from outside', (t) => {
    const given = (gates: object) => ({ ...nothing, directory: directoryWith(t, { versions: { gates } }) });
    for (const wrong of ['recal@100', 'recall@1000', 'AUC', 'ndcg10', 'sampled_ndcg@10', 'nothing@5']) {
      refused(
        given({ [wrong]: 0.1 }),
        'MR_CONFIG_INVALID',
        /versions\.gates/,
        new RegExp(`${wrong} is none`),
      );
    }
    const gates = { 'ndcg@100': 0.1, 'gini@10': 0, 'log-loss': 0.7 };
    assert.deepEqual(loadConfiguration(given(gates)).versions.gates, gates);
  });

  it('takes directions for numeric columns of snapshots, and names those where there is no such column', (t) => {
    const given = (model: string, monotone: unknown) => ({
      ...nothing,
      directory: directoryWith(t, { models: { [model]: { monotone } } }),
    });
    const directions = { 'item-features.popularity': 1, 'item-profile.age_days': -1, position: -1 };
    const { declared } = loadConfiguration(given('trees', directions));
    assert.deepEqual(modelSettings(declared).configOf.trees, { monotone: directions });
    loadConfiguration(given('stacked', { 'score.two-tower': 1 }));
    for (const column of ['item-features.popularty', 'item-profile.category', 'score.two-tower']) {
      refused(
        given('trees', { [column]: 1 }),
        'MR_MODEL_CONFIG',
        new RegExp(`trees: monotone names ${column}, which is no numeric column`),
        /item-features\.popularity/,
      );
    }
    refused(
      given('trees', { position: 2 }),
      'MR_CONFIG_INVALID',
      /models\.trees\.monotone.*1 or -1 by column/s,
    );
    const environment = { MILLRACE_MODELS_TREES_MONOTONE: '{"position": -1}' };
    const byVariable = loadConfiguration({ ...nothing, environment, directory: temporaryDirectory(t) });
    assert.deepEqual(modelSettings(byVariable.declared).configOf.trees, { monotone: { position: -1 } });
  });

  it('shows the beginning of long values and names', (t) => {
    const long = 'x'.repeat(400_000);
    for (const wrong of [{ http: { port: long } }, { [long]: 1 }, { admission: { unknownItem: [long] } }]) {
      const sources = { ...nothing, directory: directoryWith(t, wrong) };
      assert.throws(
        () => loadConfiguration(sources),
        (error: ConfigurationError) => error.message.length < 1_000 && (error.hint?.length ?? 0) < 1_000,
      );
    }
  });

  it('switches the simulation off with one word', (t) => {
    const directory = temporaryDirectory(t);
    assert.equal(loadConfiguration({ ...nothing, directory }).simulation.world, undefined);
    const inFile = { ...nothing, directory: directoryWith(t, { simulation: 'off' }) };
    const asFlag = { ...nothing, directory, flags: { simulation: 'off' } };
    const inSection = { ...nothing, directory: directoryWith(t, { simulation: { world: 'off' } }) };
    const asVariable = { ...nothing, directory, environment: { MILLRACE_SIMULATION_WORLD: 'off' } };
    for (const sources of [inFile, asFlag, inSection, asVariable]) {
      assert.equal(loadConfiguration(sources).simulation.world, 'off');
    }
    const wrong = directoryWith(t, { simulation: 'none' });
    refused({ ...nothing, directory: wrong }, 'MR_CONFIG_INVALID', /simulation\.world/, /"none"/);
  });

  it('chooses log, registry and views by their addresses', (t) => {
    const directory = temporaryDirectory(t);
    const { log, registry, views } = loadConfiguration({ ...nothing, directory });
    assert.deepEqual(
      { log, registry, views },
      { log: 'embedded', registry: 'embedded', views: 'in-process' },
    );
    const environment = { MILLRACE_LOG: 'kafka://a:9092,b:9092', MILLRACE_KAFKA_PASSWORD: '4711' };
    const flags = { registry: 'http://r:8081', views: 'redis://c' };
    const chosen = loadConfiguration({ flags, environment, directory });
    assert.equal(chosen.log, 'kafka://a:9092,b:9092');
    assert.deepEqual(chosen.kafka, { password: '4711' });
    for (const wrong of [
      { log: 'kafka' },
      { registry: 'kafka://a' },
      { views: 'redis:' },
      { log: 'sqlite' },
    ]) {
      refused(
        { environment: {}, flags: wrong, directory },
        'MR_CONFIG_INVALID',
        /expected: (embedded|in-pro)/,
      );
    }
  });

  it('refuses a log that others share with a registry that they cannot reach', (t) => {
    const directory = directoryWith(t, { log: 'kafka://host' });
    refused({ ...nothing, directory }, 'MR_CONFIG_CONTRADICTION', /registry/);
  });

  it('refuses notifications that nobody could check, where they are not for Slack', (t) => {
    const url = 'https://example.org/hook';
    const given = (notifications: object) => ({ ...nothing, directory: directoryWith(t, { notifications }) });
    refused(given({ url }), 'MR_CONFIG_CONTRADICTION', /notifications\.secret/);
    assert.equal(loadConfiguration(given({ url, format: 'slack' })).notifications.url, url);
    assert.equal(loadConfiguration(given({ url, secret: 'x'.repeat(16) })).notifications.format, 'json');
    refused(given({ url: 'ftp://example.org' }), 'MR_CONFIG_INVALID', /expected: http/);
    for (const wrong of ['https://ann:4711@example.org/hook', 'https://ann@example.org', 'https://[bad/']) {
      refused(given({ url: wrong, format: 'slack' }), 'MR_CONFIG_INVALID', /without a user.*notifications/);
    }
  });

  it('refuses a time of a job that cannot be read, by its option, and what jobs and mail lack', (t) => {
    const given = (options: object) => ({ ...nothing, directory: directoryWith(t, options) });
    for (const wrong of ['61 * * * *', '* * *', 'every 0 events', 'every day', 'on fire', '0 3 * * *;', '']) {
      refused(given({ jobs: { verification: wrong } }), 'MR_CONFIG_INVALID', /jobs\.verification/, /cron/);
    }
    for (const option of ['schedule', 'refresh', 'reindex']) {
      const wrong = { training: { [option]: '0 25 * * *' } };
      refused(given(wrong), 'MR_CONFIG_INVALID', new RegExp(`training\\.${option}`), /cron/);
    }
    const forms = [
      'off',
      '30 2 * * sun',
      'every 6 hours; on start',
      'every 1 event',
      'on promoted;on snapshot',
    ];
    for (const snapshot of forms) {
      assert.equal(loadConfiguration(given({ jobs: { snapshot } })).jobs.snapshot, snapshot);
    }
    refused(given({ jobs: { backup: '0 2 * * *' } }), 'MR_CONFIG_CONTRADICTION', /jobs\.backupPlace/);
    const server = 'smtp://mail.example.com:587';
    refused(given({ mail: { server, from: 'a@b' } }), 'MR_CONFIG_CONTRADICTION', /mail\.to/);
    refused(given({ mail: { server: 'smtp://ann:pw@host' } }), 'MR_CONFIG_INVALID', /mail\.server/);
  });

  it('shows no password in its errors', (t) => {
    const directory = temporaryDirectory(t);
    const options = [
      { admin: { token: 'secret' } },
      { notifications: { secret: 'secret-4711' } },
      { notifications: { url: 'https://ann:4711@host' } },
      { notifications: { url: 'hooks.slack.com/services/4711' } },
    ];
    for (const option of options) {
      assert.throws(
        () => loadConfiguration({ ...nothing, directory: directoryWith(t, option) }),
        (error: Error) => /is wrong in/.test(error.message) && !/4711|"secret"/.test(error.message),
      );
    }
    for (const flags of [
      { registry: 'ftp://ann:secret@host' },
      { views: 'http://ann:s@secret@host' },
      { views: 'redis:ann:secret@host' },
      { log: 'ann:secret@host' },
    ]) {
      assert.throws(
        () => loadConfiguration({ environment: {}, flags, directory }),
        (error: Error) => /host/.test(error.message) && !/secret/.test(error.message),
      );
    }
    const wrong = directoryWith(t, { kafka: { password: ['secret'] } });
    assert.throws(
      () => loadConfiguration({ ...nothing, directory: wrong }),
      (error: Error) => /kafka\.password/.test(error.message) && !/secret/.test(error.message),
    );
  });

  it('leaves variables that are no options alone', (t) => {
    const environment = { MILLRACE_FAILPOINTS: 'a=fail', MILLRACE_SERVERS: '1', HOME: '/root' };
    loadConfiguration({ flags: {}, environment, directory: temporaryDirectory(t) });
  });

  it('reads the options that other rooms declare from every source, and refuses what they do not accept', (t) => {
    const directory = temporaryDirectory(t);
    const declared = ['things.one-two.size', 'things.other.size'].map((path) => ({
      path,
      description: 'How large.',
      accepts: (value: unknown) => typeof value === 'number' && value > 0,
      expected: 'above 0',
    }));
    const load = (size: unknown, environment: Readonly<Record<string, string>> = {}) => {
      writeFileSync(
        join(directory, 'millrace.config.json'),
        JSON.stringify({ things: { 'one-two': { size } } }),
      );
      return readOptions({ options: {}, declared }, { flags: {}, environment, directory }).declared;
    };
    assert.deepEqual(load(3), { 'things.one-two.size': 3 });
    assert.deepEqual(load(3, { MILLRACE_THINGS_ONE_TWO_SIZE: '4' }), { 'things.one-two.size': 4 });
    assert.throws(() => load(0), {
      code: 'MR_CONFIG_INVALID',
      message: /things\.one-two\.size is 0.*above 0/,
    });
    assert.throws(() => load({ a: 1 }), { code: 'MR_CONFIG_INVALID' });
    const other = { flags: { 'things.none.size': '1' }, environment: {}, directory: temporaryDirectory(t) };
    assert.throws(() => readOptions({ options: {}, declared }, other), {
      code: 'MR_CONFIG_UNKNOWN',
    });
  });

  it('reads one option before the declared ones are known, from every source', (t) => {
    const path = 'training.modelModules';
    const directory = directoryWith(t, {
      simulation: 'off',
      training: { modelModules: ['file.ts'], models: ['mine'] },
      models: { mine: { depth: 3 } },
    });
    const environment = {
      MILLRACE_MODELS_MINE_DEPTH: '4',
      MILLRACE_TRAINING_MODEL_MODULES: '["variable.ts"]',
    };
    const flags = { 'models.mine.depth': '5', [path]: '["flag.ts"]' };
    assert.deepEqual(configuredModelModules({ ...nothing, directory: temporaryDirectory(t) }), []);
    assert.deepEqual(configuredModelModules({ ...nothing, directory }), ['file.ts']);
    assert.deepEqual(configuredModelModules({ flags: {}, environment, directory }), ['variable.ts']);
    assert.deepEqual(configuredModelModules({ flags, environment, directory }), ['flag.ts']);
    const wrong = { flags: { [path]: 'model.ts' }, environment, directory };
    assert.throws(() => configuredModelModules(wrong), { code: 'MR_CONFIG_INVALID' });
  });

  it('describes every option', () => {
    for (const { path, variable, description } of allOptions()) {
      assert.match(variable, /^MILLRACE_[A-Z_]+$/);
      assert.notEqual(description, '', path);
    }
    assert.ok(allOptions().some(({ variable }) => variable === 'MILLRACE_ENGINE_COMMIT_INTERVAL_MS'));
  });
});
