import type { Messages } from '../messages';

export const sessions: Messages['sessions'] = {
  signInTitle: 'サインイン',
  signInTo: (account) => `アカウント ${account} にサインイン`,
  signInAdvice: 'アカウントのアクセスキーを使います。確認はサーバーが行い、シークレットはブラウザに残りません。',
  linkAdvice: (account, region) =>
    `開こうとしたページは ${region} のアカウント ${account} のものです。そのアカウントのアクセスキーでサインインしてください。`,
  expiredAdvice: (name, account) =>
    `アカウント ${name}（${account}）で入力した内容は残っています。もう一度サインインすると続けられます。`,
  leave: 'このページを離れる',
  signedInTo: 'サインイン中のアカウント',
  otherAccount: (account, wanted) =>
    `このキーはアカウント ${wanted} ではなく、${account} のものです。そのアカウントにはサインインしましたが、このページには別のアカウントが必要です。`,
  accessKeyId: 'アクセスキー ID',
  accessKeyIdHint:
    'twinport init は、キーを twinport.yaml に、aws コマンドのプロファイルを aws/credentials に書き出します。',
  secretAccessKey: 'シークレットアクセスキー',
  signIn: 'サインイン',
  needed: '必須です',
  wrongKey: 'アクセスキーが存在しないか、シークレットが正しくありません。',

  description: (name) =>
    `アカウント ${name} のキーでサインインしているブラウザです。セッションは 12 時間で自動的に終了します。このセッションを終了するには、サインアウトしてください。`,
  signedInNow: 'サインイン中',
  revoke: '取り消す',
  revokeOthers: 'ほかをすべて取り消す',
  revoked: (count) => `${count} 件のセッションを取り消しました`,
  since: '開始',
  current: 'このセッション',
  program: 'ブラウザ',
  browserOn: (browser, system) => `${browser}（${system}）`,
  address: 'アドレス',
  until: '終了',
  selection: '取り消すセッション',
  selectAll: 'すべてのセッションを選択',
  select: (key, since) => `${since} からの ${key} のセッションを選択`,
};
