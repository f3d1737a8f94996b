import { Component, type ReactNode } from 'react';
import { Salvage } from './Salvage.tsx';

type Props = { readonly children: ReactNode };

/** Shows a way out, with the user's data, when the page itself fails. */
export class ErrorBoundary extends Component<Props, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    return this.state.error === null ? this.props.children : <Salvage error={this.state.error} />;
  }
}
