using System.Globalization;

namespace Strata.Store.Metadata;

/// <summary>The schema's versions, each as what makes it from the one before. A step that was released is never changed: a new one follows it.</summary>
internal static class Migrations
{
    /// <summary>Step n makes version n + 1.</summary>
    private static readonly string[] _steps =
    [
        """
        CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE layers (
            chain TEXT PRIMARY KEY, diff TEXT NOT NULL, parent TEXT REFERENCES layers (chain), driver_id TEXT NOT NULL UNIQUE,
            tar_bytes INTEGER NOT NULL, content_bytes INTEGER NOT NULL, blob TEXT NOT NULL, blob_bytes INTEGER NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX layers_parent ON layers (parent);
        CREATE TABLE images (
            manifest TEXT PRIMARY KEY, config TEXT NOT NULL, top TEXT REFERENCES layers (chain), size_bytes INTEGER NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX images_top ON images (top);
        CREATE TABLE names (name TEXT PRIMARY KEY, manifest TEXT NOT NULL REFERENCES images (manifest)) WITHOUT ROWID;
        CREATE INDEX names_manifest ON names (manifest);
        CREATE TABLE writable (
            name TEXT PRIMARY KEY, driver_id TEXT NOT NULL UNIQUE, parent TEXT REFERENCES layers (chain), image TEXT, mount_target TEXT, created INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX writable_parent ON writable (parent);
        """,
        // What is listed in pages or looked up by the beginning of an ID is found without reading all of it.
        """
        CREATE INDEX layers_created ON layers (created);
        CREATE INDEX layers_diff ON layers (diff);
        CREATE INDEX images_created ON images (created);
        CREATE INDEX images_config ON images (config);
        """,
        // Multi-platform images: an index is kept with all indexes inside it, and knows the manifests that it names, whether they are there or not.
        """
        CREATE TABLE indexes (digest TEXT PRIMARY KEY, created INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE index_documents (idx TEXT NOT NULL REFERENCES indexes (digest), document TEXT NOT NULL, PRIMARY KEY (idx, document)) WITHOUT ROWID;
        CREATE INDEX index_documents_document ON index_documents (document);
        CREATE TABLE index_images (idx TEXT NOT NULL REFERENCES indexes (digest), manifest TEXT NOT NULL, PRIMARY KEY (idx, manifest)) WITHOUT ROWID;
        CREATE INDEX index_images_manifest ON index_images (manifest);
        ALTER TABLE images ADD COLUMN platform TEXT;
        ALTER TABLE names ADD COLUMN idx TEXT REFERENCES indexes (digest);
        CREATE INDEX names_idx ON names (idx);
        """,
        """
        CREATE TABLE snapshots (
            key TEXT PRIMARY KEY, parent TEXT REFERENCES snapshots (key), kind INTEGER NOT NULL, labels TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
            layer TEXT REFERENCES layers (chain), driver_id TEXT NOT NULL, holder TEXT NOT NULL UNIQUE,
            diff TEXT, tar_bytes INTEGER, content_bytes INTEGER, blob TEXT, blob_bytes INTEGER) WITHOUT ROWID;
        CREATE INDEX snapshots_parent ON snapshots (parent);
        CREATE INDEX snapshots_layer ON snapshots (layer);
        CREATE INDEX snapshots_driver ON snapshots (driver_id);
        ALTER TABLE layers ADD COLUMN by_snapshot INTEGER NOT NULL DEFAULT 0;
        """,
        // Init layers; and one place that says which of the driver's layers have a name. A step that adds others makes the view again.
        """
        ALTER TABLE writable ADD COLUMN init_id TEXT;
        CREATE UNIQUE INDEX writable_init ON writable (init_id) WHERE init_id IS NOT NULL;
        CREATE VIEW driver_ids (driver_id) AS
            SELECT driver_id FROM layers UNION ALL SELECT driver_id FROM writable UNION ALL SELECT init_id FROM writable WHERE init_id IS NOT NULL
            UNION ALL SELECT driver_id FROM snapshots UNION ALL SELECT holder FROM snapshots;
        """,
        // Where a layer's tar can be had again, and as which blob. By diff ID: the same tar may lie in several chains. Nothing is kept of a tar that is in none.
        """
        CREATE TABLE origins (
            diff TEXT NOT NULL, origin TEXT NOT NULL, blob TEXT NOT NULL, blob_bytes INTEGER NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY (diff, origin)) WITHOUT ROWID;
        CREATE TRIGGER origins_end AFTER DELETE ON layers WHEN NOT EXISTS (SELECT 1 FROM layers WHERE diff=OLD.diff)
            BEGIN DELETE FROM origins WHERE diff=OLD.diff; END;
        """,
        // Leases. Layers that lie on top with nothing on them were made for their own sake, before that could be said.
        """
        CREATE TABLE leases (name TEXT PRIMARY KEY, created INTEGER NOT NULL, expires INTEGER) WITHOUT ROWID;
        CREATE TABLE lease_items (
            lease TEXT NOT NULL REFERENCES leases (name) ON DELETE CASCADE, kind TEXT NOT NULL, what TEXT NOT NULL, PRIMARY KEY (lease, kind, what)) WITHOUT ROWID;
        CREATE INDEX lease_items_what ON lease_items (what);
        CREATE INDEX writable_image ON writable (image);
        INSERT INTO leases SELECT 'applied', max(created), NULL FROM layers HAVING count(*) > 0;
        INSERT INTO lease_items SELECT 'applied', 'layer', chain FROM layers
            WHERE chain NOT IN (SELECT parent FROM layers WHERE parent IS NOT NULL)
            AND chain NOT IN (SELECT top FROM images WHERE top IS NOT NULL)
            AND chain NOT IN (SELECT parent FROM writable WHERE parent IS NOT NULL)
            AND chain NOT IN (SELECT layer FROM snapshots WHERE layer IS NOT NULL);
        """,
        // Layers whose owner names them (Docker). One that is a layer of the store has its driver's layer, too.
        """
        CREATE TABLE graph (
            id TEXT PRIMARY KEY, parent TEXT REFERENCES graph (id), writable INTEGER NOT NULL, content INTEGER NOT NULL, layer TEXT REFERENCES layers (chain),
            created INTEGER NOT NULL, driver_id TEXT NOT NULL, diff TEXT, id_map TEXT) WITHOUT ROWID;
        CREATE INDEX graph_parent ON graph (parent);
        CREATE INDEX graph_layer ON graph (layer);
        CREATE INDEX graph_driver ON graph (driver_id);
        DROP VIEW driver_ids;
        CREATE VIEW driver_ids (driver_id) AS
            SELECT driver_id FROM layers UNION ALL SELECT driver_id FROM writable UNION ALL SELECT init_id FROM writable WHERE init_id IS NOT NULL
            UNION ALL SELECT driver_id FROM snapshots UNION ALL SELECT holder FROM snapshots UNION ALL SELECT driver_id FROM graph;
        """,
        // Layers that lie in another store, by its directory; images that are here only since something of another store was used.
        """
        ALTER TABLE layers ADD COLUMN shared TEXT;
        CREATE INDEX layers_shared ON layers (shared) WHERE shared IS NOT NULL;
        ALTER TABLE images ADD COLUMN borrowed INTEGER NOT NULL DEFAULT 0;
        """,
    ];

    /// <summary>The version that this program makes and uses.</summary>
    internal static int Newest => _steps.Length;

    /// <summary>The version of the file; 0: it is new.</summary>
    internal static int Version(this Session session)
    {
        if (session.Count("SELECT count(*) FROM sqlite_master WHERE name='meta'") == 0)
            return 0;
        string text = session.List("SELECT value FROM meta WHERE key='schema'", r => r.GetString(0)).FirstOrDefault() ?? "";
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int version) && version > 0
            ? version
            : throw StrataException.Corrupt($"The store's metadata has '{text}' as its schema's version.");
    }

    /// <summary>Makes the newest version out of another. Inside a transaction.</summary>
    internal static void Run(Session session, int version)
    {
        for (; version < Newest; version++)
            session.Run(_steps[version]);
        session.Run("INSERT INTO meta VALUES ('schema', $1) ON CONFLICT (key) DO UPDATE SET value=excluded.value", Newest.ToString(CultureInfo.InvariantCulture));
    }
}
