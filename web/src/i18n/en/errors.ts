export const errors = {
  network: 'The server cannot be reached',
  networkAdvice: 'What you have typed is still here. The page goes on by itself as soon as the server answers.',
  signedOut: 'Your session has ended',
  internal: 'The server met a fault',
  refused: 'The server refused this',
  notFound: 'Not found',
  retry: 'Try again',
  crashed: 'This page met a fault of its own',
  crashedAdvice:
    'Loading it again usually helps. If it comes back, tell whoever runs this server what you did, and this text:',
  reload: 'Load the page again',
};
