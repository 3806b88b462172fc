// A policy's text with line numbers, and what is wrong with it as one types.

import Button from '@cloudscape-design/components/button';
import Icon from '@cloudscape-design/components/icon';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useId, useRef, useState, type KeyboardEvent } from 'react';

import type { PolicyProblem } from '../../api/twinport';
import { useMessages } from '../../i18n';
import { maxLength, type PolicyCheck } from './check';
import { formatted } from './document';
import { offsetOf, positionOf } from './json';
import './editor.css';

/** In CSS pixels, as in editor.css. */
const lineHeight = 20;
const padding = 8;

interface Props {
  /** What is edited, for those who do not see it. */
  label: string;
  text: string;
  onChange: (text: string) => void;
  check: PolicyCheck;
  readOnly?: boolean;
}

/** The caller holds the text and has it checked with usePolicyCheck. */
export function PolicyEditor({ label, text, onChange, check, readOnly = false }: Props) {
  const m = useMessages().policy;
  const area = useRef<HTMLTextAreaElement>(null);
  const [scrolled, setScrolled] = useState(0);
  const [caret, setCaret] = useState(0);
  const hint = useId();
  const lines = text.split('\n').length;
  const wrong = new Set(check.problems.map((p) => p.line));
  const goTo = (problem: PolicyProblem) => {
    const offset = offsetOf(text, problem.line, problem.column);
    area.current?.focus();
    area.current?.setSelectionRange(offset, offset);
    setCaret(offset);
    area.current?.scrollTo({ top: (problem.line - 4) * lineHeight });
  };
  const at = positionOf(text, Math.min(caret, text.length));
  return (
    <div className={`editor${check.problems.length > 0 ? ' editor-invalid' : ''}`}>
      <div
        className="editor-pane"
        style={{ blockSize: Math.min(Math.max(lines + 1, 12), 30) * lineHeight + 2 * padding }}
      >
        <div className="editor-gutter" aria-hidden="true">
          <ol style={{ transform: `translateY(${-scrolled}px)` }}>
            {Array.from({ length: lines }, (_, i) => (
              <li key={i} className={wrong.has(i + 1) ? 'editor-wrong' : undefined}>
                {wrong.has(i + 1) && <Icon name="status-negative" size="small" />}
                {i + 1}
              </li>
            ))}
          </ol>
        </div>
        <div className="editor-text">
          {[...wrong].map((line) => (
            <div
              key={line}
              className="editor-wrong-line"
              style={{ insetBlockStart: padding + (line - 1) * lineHeight - scrolled }}
            />
          ))}
          <textarea
            ref={area}
            value={text}
            readOnly={readOnly}
            aria-label={label}
            aria-invalid={check.problems.length > 0}
            aria-describedby={hint}
            spellCheck={false}
            autoCapitalize="off"
            autoCorrect="off"
            autoComplete="off"
            wrap="off"
            onChange={(event) => onChange(event.target.value)}
            onScroll={(event) => setScrolled(event.currentTarget.scrollTop)}
            onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
            onKeyDown={indent}
          />
        </div>
      </div>
      <div className="editor-foot">
        <div id={hint} role="status" className="editor-problems">
          {check.state === 'checking' && <StatusIndicator type="loading">{m.checking}</StatusIndicator>}
          {check.state === 'unknown' && <StatusIndicator type="warning">{m.notChecked}</StatusIndicator>}
          {check.state === 'empty' && <StatusIndicator type="info">{m.empty[check.policyType]}</StatusIndicator>}
          {check.state === 'checked' && check.problems.length === 0 && <StatusIndicator>{m.valid}</StatusIndicator>}
          {check.problems.map((p) => (
            <button key={`${p.line} ${p.column} ${p.message}`} type="button" onClick={() => goTo(p)}>
              <Icon name="status-negative" variant="error" size="small" />
              <span>
                <strong>{m.position(p.line, p.column)}</strong> {p.path && <code>{p.path}</code>} {p.message}
              </span>
            </button>
          ))}
        </div>
        <div className="editor-caret">
          <span aria-hidden="true">
            {m.position(at.line, at.column)} · {m.length([...text].length, maxLength[check.policyType])}
          </span>
          {!readOnly && check.state === 'checked' && check.problems.length === 0 && formatted(text) !== text && (
            <Button variant="inline-link" formAction="none" onClick={() => onChange(formatted(text))}>
              {m.format}
            </Button>
          )}
        </div>
      </div>
    </div>
  );
}

/** A new line begins below the one before, and further in after a bracket. */
function indent(event: KeyboardEvent<HTMLTextAreaElement>) {
  const { value, selectionStart } = event.currentTarget;
  if (event.key !== 'Enter' || event.nativeEvent.isComposing || event.currentTarget.readOnly) {
    return;
  }
  const line = value.slice(value.lastIndexOf('\n', selectionStart - 1) + 1, selectionStart);
  const spaces = line.match(/^ */)![0] + (/[{[]\s*$/.test(line) ? '  ' : '');
  // The only way to insert that the browser's own undo knows of.
  if (spaces && document.execCommand('insertText', false, `\n${spaces}`)) {
    event.preventDefault();
  }
}
