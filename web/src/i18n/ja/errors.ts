import type { Messages } from '../messages';

export const errors: Messages['errors'] = {
  network: 'サーバーに接続できません',
  networkAdvice: '入力した内容は残っています。サーバーが応答しだい、自動的に再開します。',
  signedOut: 'セッションが終了しました',
  internal: 'サーバーで障害が発生しました',
  refused: 'サーバーがこの操作を拒否しました',
  notFound: '見つかりません',
  retry: '再試行',
  crashed: 'このページで問題が発生しました',
  crashedAdvice:
    '多くの場合、再読み込みで解決します。繰り返し発生するときは、操作の内容と次のテキストをサーバーの管理者に伝えてください。',
  reload: 'ページを再読み込み',
};
