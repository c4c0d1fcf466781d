/** A further thread of `doubling`. */
import { serveMeeting } from '../meeting-threads.ts';
import { doubling, type Orders } from './meeting-orders.ts';

await serveMeeting((orders: Orders) => doubling(orders, false));
