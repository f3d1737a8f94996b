import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import styles from './Plot.module.css';
import { type Palette, usePalette } from './palette.ts';

export type PlotSetup = Omit<uPlot.Options, 'width' | 'height'>;

type PlotProps = {
  /** What the plot shows, including its latest value: the text alternative. */
  readonly label: string;
  readonly height: number;
  /** Builds the options; must be a stable function, and the number of series must follow from `seriesKey`. */
  readonly setup: (palette: Palette) => PlotSetup;
  readonly data: uPlot.AlignedData;
};

/** A canvas plot as wide as its container, in the colors of the page. */
export function Plot({ label, height, setup, data }: PlotProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(data);
  const palette = usePalette();
  latest.current = data;

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const made = new uPlot(
      { ...setup(palette), width: element.clientWidth, height },
      latest.current,
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [setup, palette, height]);

  useEffect(() => {
    plot.current?.setData(data);
  }, [data]);

  return <div ref={host} className={styles.plot} role="img" aria-label={label} />;
}
