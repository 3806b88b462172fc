import ContentLayout from '@cloudscape-design/components/content-layout';

export function ActivityPage() {
  return <ContentLayout header={null} />;
}
