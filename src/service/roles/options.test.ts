import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Configuration, loadConfiguration } from '../configuration.ts';
import { requireWhatRolesNeed } from './requirements.ts';
import { ROLE_NAMES } from './role.ts';

function configured(directory: string, flags: Readonly<Record<string, string>> = {}): Configuration {
  return loadConfiguration({ flags, environment: {}, directory });
}

describe('the option roles', () => {
  const of = (roles: string, options: Readonly<Record<string, string>> = {}) =>
    configured('/', { roles, ...options });

  it('names roles, and refuses others', () => {
    assert.deepEqual(of('gateway, responder').roles, ['gateway', 'responder']);
    assert.deepEqual(of('gateway,gateway').roles, ['gateway'], 'it would be locked out by itself');
    assert.equal(configured('/').roles.length, 6);
    for (const wrong of ['gateway,cook', '', 'all']) {
      assert.throws(
        () => of(wrong),
        { code: 'MR_CONFIG_INVALID', message: /roles.*"gateway"\|"processors"/s },
        wrong,
      );
    }
  });

  it('names what a role lacks where each process has a disk of its own', () => {
    const kafka = { log: 'kafka://localhost:9092', registry: 'http://localhost:8081' };
    const check = (roles: string, options = {}) => requireWhatRolesNeed(of(roles, { ...kafka, ...options }));
    assert.throws(() => check('archive,responder'), {
      code: 'MR_ROLE_NEEDS',
      message: /Role responder needs option privacy\.masterKey/,
    });
    check('responder', { 'privacy.masterKey': Buffer.alloc(32).toString('base64') });
    check('responder', { 'privacy.userIds': 'as-given' });
    check('processors,trainer,archive,operations');
    check(ROLE_NAMES.join(','));
    requireWhatRolesNeed(of('responder'));
    assert.throws(() => of('gateway', { log: kafka.log }), {
      code: 'MR_CONFIG_CONTRADICTION',
      message: /registry/,
    });
  });
});
