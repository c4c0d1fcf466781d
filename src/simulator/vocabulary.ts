/** The words of the catalogue: categories, their subtopics, and the subjects that titles are made of. */

export type Subtopic = { readonly tag: string; readonly subjects: readonly string[] };
export type Category = { readonly name: string; readonly subtopics: readonly Subtopic[] };

/** One line a subtopic: `tag: subject, subject, ...`. */
function category(name: string, lines: readonly string[]): Category {
  const subtopics = lines.map((line) => {
    const colon = line.indexOf(':');
    return { tag: line.slice(0, colon), subjects: line.slice(colon + 2).split(', ') };
  });
  return { name, subtopics };
}

/** Every category has the same number of subtopics. */
export const SUBTOPICS_PER_CATEGORY = 6;

export const CATEGORIES: readonly Category[] = [
  category('cooking', [
    'bread: Sourdough, Flatbreads, Rye Loaves, Brioche',
    'vegetarian: Lentil Stews, Roasted Vegetables, Tofu, Summer Salads',
    'grilling: Charcoal Grilling, Smoked Brisket, Marinades, Grilled Fish',
    'desserts: Fruit Tarts, Chocolate Mousse, Custards, Ice Cream',
    'street-food: Tacos, Dumplings, Noodle Soups, Falafel',
    'fermentation: Kimchi, Pickles, Kombucha, Miso',
  ]),
  category('science', [
    'space: Black Holes, Mars Missions, Dark Matter, Comets',
    'biology: Gene Editing, Deep-Sea Life, Fungi, Immune Cells',
    'physics: Quantum Computing, Superconductors, Nuclear Fusion, Entropy',
    'climate: Ice Cores, Ocean Currents, Carbon Capture, Monsoons',
    'mathematics: Prime Numbers, Game Theory, Topology, Probability',
    'medicine: Vaccines, Sleep, Antibiotics, Brain Imaging',
  ]),
  category('technology', [
    'programming: Type Systems, Concurrency, Code Review, Debugging',
    'hardware: Mechanical Keyboards, Solid-State Drives, Single-Board Computers, Home Servers',
    'security: Password Managers, Phishing, Encryption, Threat Models',
    'data: Stream Processing, Databases, Data Visualisation, Search Engines',
    'ai: Neural Networks, Recommender Systems, Speech Recognition, Robotics',
    'phones: Phone Cameras, Batteries, Foldable Screens, App Design',
  ]),
  category('sport', [
    'football: Midfield Play, Penalty Kicks, The Offside Rule, Derby Matches',
    'running: Marathon Training, Trail Running, Interval Sessions, Running Form',
    'cycling: Mountain Passes, Gravel Bikes, Sprint Finishes, Bike Fitting',
    'climbing: Bouldering, Lead Climbing, Finger Strength, Alpine Routes',
    'tennis: The Backhand, Clay Courts, Serve Technique, Doubles Tactics',
    'swimming: Open-Water Swimming, Freestyle, Flip Turns, Breathing Drills',
  ]),
  category('travel', [
    'cities: Lisbon, Kyoto, Mexico City, Istanbul',
    'trains: Night Trains, Mountain Railways, Interrailing, High-Speed Lines',
    'hiking: Hut-to-Hut Hikes, Coastal Paths, Desert Trails, Volcano Walks',
    'islands: The Azores, Greek Islands, Iceland, Zanzibar',
    'food-trips: Market Halls, Wine Roads, Tea Houses, Night Markets',
    'budget: Hostels, House Swaps, Slow Travel, Carry-On Packing',
  ]),
  category('music', [
    'guitar: Fingerpicking, Barre Chords, Slide Guitar, Effects Pedals',
    'classical: String Quartets, Bach Fugues, Opera Overtures, Late Beethoven',
    'jazz: Bebop, Walking Bass, Modal Jazz, Big Bands',
    'electronic: Modular Synths, Drum Machines, Ambient Music, House Classics',
    'singing: Vocal Warm-Ups, Choir Harmony, Microphone Technique, Breath Support',
    'hip-hop: Sampling, Freestyle Rap, Beat Making, Turntables',
  ]),
  category('film', [
    'documentary: Nature Films, Archive Footage, Portrait Films, True Crime',
    'comedy: Slapstick, Romantic Comedies, Satire, Deadpan',
    'thriller: Heist Films, Film Noir, Courtroom Dramas, Spy Stories',
    'animation: Stop Motion, Anime, Character Design, Silent Shorts',
    'sci-fi: Time Travel, First Contact, Space Operas, Dystopias',
    'craft: Film Editing, Sound Design, Long Takes, Colour Grading',
  ]),
  category('games', [
    'strategy: City Builders, Tower Defence, Grand Strategy, Turn-Based Tactics',
    'role-playing: Dungeon Crawlers, Open Worlds, Character Builds, Tabletop Campaigns',
    'puzzle: Logic Puzzles, Escape Rooms, Crosswords, Word Games',
    'board: Worker Placement, Chess Endgames, Deck Building, Go Openings',
    'indie: Pixel Art, Roguelikes, Walking Simulators, Game Jams',
    'esports: Team Fights, Map Control, Speedrunning, Draft Picks',
  ]),
  category('home', [
    'gardening: Raised Beds, Composting, Roses, Balcony Herbs',
    'renovation: Tiling, Plastering, Old Windows, Insulation',
    'woodworking: Dovetail Joints, Hand Planes, Workbenches, Bent Wood',
    'interiors: Small Flats, Bookshelves, Lighting, Natural Colours',
    'cleaning: Stain Removal, Decluttering, Laundry, Tool Care',
    'pets: Puppy Training, Indoor Cats, Aquariums, Hens',
  ]),
  category('health', [
    'yoga: Sun Salutations, Balance Poses, Yin Yoga, Hip Openers',
    'nutrition: Protein, Fibre, Meal Planning, Vitamins',
    'strength: Deadlifts, Kettlebells, Pull-Ups, Bodyweight Circuits',
    'mind: Meditation, Stress, Habits, Journaling',
    'recovery: Stretching, Foam Rolling, Cold Baths, Rest Days',
    'family: Newborn Sleep, School Lunches, Back Pain, Allergies',
  ]),
  category('business', [
    'investing: Index Funds, Bonds, Property, Compound Interest',
    'startups: First Customers, Pricing, Pitch Decks, Founding Teams',
    'careers: Job Interviews, Salary Talks, Remote Work, Mentors',
    'marketing: Newsletters, Brand Names, Customer Surveys, Landing Pages',
    'management: One-to-Ones, Feedback, Delegation, Project Plans',
    'economics: Inflation, Trade, Central Banks, Housing Markets',
  ]),
  category('history', [
    'ancient: Roman Roads, Egyptian Tombs, Greek Theatre, Bronze Age Trade',
    'medieval: Castles, Guilds, Illuminated Books, Viking Voyages',
    'modern: The Cold War, Suffrage, The Space Race, Decolonisation',
    'exploration: Polar Expeditions, The Silk Road, Map Making, Shipwrecks',
    'everyday: Medieval Kitchens, Clothing, Public Baths, Letters',
    'inventions: The Printing Press, Steam Engines, Clocks, The Telegraph',
  ]),
];

/** Cross-cutting tags: how an item treats its subject. */
export const STYLES: readonly string[] = [
  'beginner',
  'in-depth',
  'hands-on',
  'short',
  'story',
  'expert-talk',
  'visual',
  'weekly',
];

/** A title for each type of item; {} stands for the subject. */
export const TITLES = {
  video: [
    '{}, Step by Step',
    'Inside {}',
    'The Art of {}',
    '{} in Ten Minutes',
    'A Closer Look at {}',
    'The Secret Life of {}',
    '{} for Beginners',
    'Masterclass: {}',
  ],
  article: [
    'A Field Guide to {}',
    'What Nobody Tells You About {}',
    'A Short History of {}',
    'Rethinking {}',
    'Notes on {}',
    '{} in Plain Words',
    'The Quiet Rise of {}',
    'Seven Myths About {}',
  ],
  quiz: ['How Well Do You Know {}?', 'Test Yourself: {}', '{}: True or False?', 'The Great {} Quiz'],
  product: ['{}: The Starter Kit', 'The Pocket Book of {}', '{}: The Workbook', '{}: A Complete Course'],
} as const;

export const OCCUPATIONS: readonly string[] = [
  'student',
  'engineer',
  'educator',
  'healthcare',
  'sales',
  'administrator',
  'artist',
  'technician',
  'executive',
  'craft',
  'retired',
  'other',
];

/** Countries with their share of users and the language spoken there. */
export const COUNTRIES: readonly {
  readonly code: string;
  readonly share: number;
  readonly language: string;
}[] = [
  { code: 'US', share: 30, language: 'en' },
  { code: 'GB', share: 12, language: 'en' },
  { code: 'IN', share: 14, language: 'en' },
  { code: 'DE', share: 12, language: 'de' },
  { code: 'FR', share: 9, language: 'fr' },
  { code: 'ES', share: 7, language: 'es' },
  { code: 'MX', share: 7, language: 'es' },
  { code: 'BR', share: 9, language: 'pt' },
];

/** Languages that part of the catalogue is in, with the word that a title carries. */
export const LANGUAGES: readonly { readonly code: string; readonly name: string }[] = [
  { code: 'de', name: 'German' },
  { code: 'fr', name: 'French' },
  { code: 'es', name: 'Spanish' },
  { code: 'pt', name: 'Portuguese' },
];
