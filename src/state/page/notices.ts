/** Messages for the user: failures stay until dismissed, confirmations pass by. */
import { create } from 'zustand';
import { type ErrorReport, reportError } from '../../lib/errors.ts';

type Alert = {
  readonly id: number;
  readonly report: ErrorReport;
  readonly severity: 'error' | 'warning';
};

type NoticesState = {
  readonly alerts: readonly Alert[];
  /** The latest confirmation; `id` changes even when the words repeat. */
  readonly confirmation: { readonly id: number; readonly text: string } | null;
};

const MAX_ALERTS = 5;
let nextId = 1;

export const useNotices = create<NoticesState>()(() => ({ alerts: [], confirmation: null }));
const { setState: set } = useNotices;

/** Shows a failure until the user dismisses it; the same one again replaces the first. */
export function raiseAlert(report: ErrorReport, severity: Alert['severity'] = 'error'): void {
  set(({ alerts }) => ({
    alerts: [...without(alerts, report), { id: nextId++, report, severity }].slice(-MAX_ALERTS),
  }));
}

export function dismissAlert(id: number): void {
  set(({ alerts }) => ({ alerts: alerts.filter((alert) => alert.id !== id) }));
}

/** Takes back what no longer holds. */
export function withdrawAlert(report: ErrorReport): void {
  set(({ alerts }) => ({ alerts: without(alerts, report) }));
}

/** Shows a confirmation that goes away by itself. */
export function confirmDone(text: string): void {
  set({ confirmation: { id: nextId++, text } });
}

function without(alerts: readonly Alert[], { code, message }: ErrorReport): readonly Alert[] {
  return alerts.filter(({ report }) => report.code !== code || report.message !== message);
}

/** Runs an action the user asked for; a failure becomes an alert and `null`. */
export async function attempt<T>(action: () => Promise<T>): Promise<T | null> {
  try {
    return await action();
  } catch (error) {
    raiseAlert(reportError(error));
    return null;
  }
}
