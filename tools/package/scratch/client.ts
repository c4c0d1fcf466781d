import { ApiError, createClient } from 'millrace/client';

const client = createClient({ url: process.argv[2] ?? '' });
const { items } = await client.get('/recommend/{user_id}', { params: { user_id: 'u1' }, query: { k: 3 } });
const refused = await client.post('/admin/train').catch((error: unknown) => error);
console.log(items.length, refused instanceof ApiError ? refused.code : refused);
