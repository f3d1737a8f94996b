import { CSPProvider } from '@base-ui/react/csp-provider';
import { type DragEvent, useEffect } from 'react';
import { followLink, openPackFile } from '../../../../state/survey/respondent.ts';
import { Logo } from '../../../shell/Logo.tsx';
import { ThemeSwitch } from '../../../shell/ThemeSwitch.tsx';
import styles from './Respondent.module.css';
import { Respondent } from './Respondent.tsx';

/** What a survey's link opens: the survey alone, without the studio and its engine, on any device. */
export function RespondentApp({ link }: { readonly link: string }) {
  useEffect(() => {
    document.title = 'Survey';
    void followLink(link);
  }, [link]);
  return (
    <CSPProvider disableStyleElements>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a shortcut; a pack can be chosen by button */}
      <div className={styles.app} data-survey onDragOver={allowFiles} onDrop={takePack}>
        <header className={styles.head}>
          <Logo />
          <span className={styles.name}>Survey</span>
          <ThemeSwitch />
        </header>
        <main className={styles.main}>
          <Respondent />
        </main>
      </div>
    </CSPProvider>
  );
}

function allowFiles(event: DragEvent): void {
  if (event.dataTransfer.types.includes('Files')) event.preventDefault();
}

function takePack(event: DragEvent): void {
  const [file] = event.dataTransfer.files;
  if (file === undefined) return;
  event.preventDefault();
  void openPackFile(file.name, file);
}
