import type { AttributeEditorProps } from '@cloudscape-design/components/attribute-editor';
import { useEffect, useEffectEvent, useRef, useState, type RefObject } from 'react';

interface Rows<Row> {
  editor: RefObject<AttributeEditorProps.Ref | null>;
  add: () => void;
  remove: (index: number) => void;
  /** Whether the row was added just now: its field takes the focus. */
  isNew: (row: Row) => boolean;
}

/**
 * Adds and removes rows of a list, with the focus where one goes on: in the new row, or on what comes after a removed
 * one.
 */
export function useRows<Row extends { key: string }>(
  rows: readonly Row[],
  set: (rows: Row[]) => void,
  fresh: () => Row,
): Rows<Row> {
  const editor = useRef<AttributeEditorProps.Ref>(null);
  const [added, setAdded] = useState<string>();
  const [removed, setRemoved] = useState<{ index: number }>();
  const focusAfter = useEffectEvent((index: number) => {
    if (rows.length > 0) {
      editor.current?.focusRemoveButton(Math.min(index, rows.length - 1));
    } else {
      editor.current?.focusAddButton();
    }
  });
  useEffect(() => {
    if (removed) {
      focusAfter(removed.index);
    }
  }, [removed]);
  return {
    editor,
    add: () => {
      const row = fresh();
      setAdded(row.key);
      set([...rows, row]);
    },
    remove: (index) => {
      set(rows.toSpliced(index, 1));
      setRemoved({ index });
    },
    isNew: (row) => row.key === added,
  };
}
