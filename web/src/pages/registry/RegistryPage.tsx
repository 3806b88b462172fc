import ContentLayout from '@cloudscape-design/components/content-layout';

export function RegistryPage() {
  return <ContentLayout header={null} />;
}
