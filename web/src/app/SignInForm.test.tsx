import { fireEvent, screen } from '@testing-library/react';
import { expect, test, vi } from 'vitest';

import { sessions as m } from '../i18n/en/sessions';
import { show } from '../testing/show';
import { SignInForm } from './SignInForm';

test('what is missing is said beside the field, and nothing is sent', async () => {
  await show(<SignInForm onSignedIn={() => {}} />);
  const sent = vi.spyOn(globalThis, 'fetch');
  fireEvent.change(screen.getByLabelText(m.accessKeyId), { target: { value: 'AKIAPRODEXAMPLE00001' } });
  fireEvent.click(screen.getByRole('button', { name: m.signIn }));
  expect(screen.getByLabelText(m.secretAccessKey)).toHaveProperty('ariaInvalid', 'true');
  expect(screen.getByLabelText(m.accessKeyId).getAttribute('aria-invalid')).not.toBe('true');
  expect(screen.getByText(m.needed)).toBeTruthy();
  expect(sent).not.toHaveBeenCalled();
});
