import { withScratchDuckDb } from '#offline';
await withScratchDuckDb(async (db) => { for (const r of await db.rows(`DESCRIBE SELECT * FROM read_parquet('${process.argv[2]}')`)) console.log((r as any).column_name, (r as any).column_type); console.log(await db.rows(`SELECT count(*)::INTEGER n FROM read_parquet('${process.argv[2]}')`)); });
