"""Questions as learners ask them, in words of their own, and the concept that answers each.

Written for the demo's course and for the Python track of Exercism, from the names and goals of their concepts, before
anything was measured with them. What no course of the two has is at the end.
"""

DEMO: dict[str, tuple[str, ...]] = {
    "http-messages": (
        "What exactly travels over the wire when my browser asks a server for something?",
        "Does the server remember who I am from one call to the next?",
    ),
    "http-methods": (
        "Which verb should I use to replace something completely?",
        "Is it harmless to send the same removal twice?",
    ),
    "status-codes": (
        "Which number do I send back when somebody is not logged in?",
        "Is it fine to reply with success and put the failure in the body?",
    ),
    "json-representations": (
        "How do I send prices so that no cents get lost by rounding?",
        "Is leaving a field out the same as setting it to nothing?",
    ),
    "relational-modelling": (
        "How do I get from a description in plain words to columns and keys?",
        "How do I stop the same fact from being kept in two places?",
    ),
    "resource-modelling": (
        "How should I name the addresses of my endpoints?",
        "Should the URLs look just like my database?",
    ),
    "problem-details": (
        "What should the body look like when something fails?",
        "How can I tell the caller which of their fields were bad, all at once?",
    ),
    "pagination": (
        "People scrolling a long list see some entries twice, why?",
        "How do I split a huge result into chunks that stay correct while rows are added?",
    ),
    "http-caching": (
        "How can I avoid sending the same data again and again if nothing has changed?",
        "How do I keep private data out of shared proxies?",
    ),
    "openapi-contract": (
        "How do I write down what my endpoints accept and return so that tools can read it?",
        "How do I notice that the documentation no longer matches the code?",
    ),
    "api-versioning": (
        "May I drop a field that some apps still read?",
        "How do I tell people that an old endpoint is going away?",
    ),
    "typed-python": (
        "How do I make the editor complain when I pass the wrong kind of id?",
        "Do annotations do anything while the program runs?",
    ),
    "first-service": (
        "How do I get a little web server with a few URLs going?",
        "Why does everything freeze while one call sleeps?",
    ),
    "request-validation": (
        "How do I make sure that what callers send is not nonsense?",
        "Where do I reject a body that is far too large?",
    ),
    "transactions": (
        "Two people borrow the last drill at the same moment, how do I prevent that?",
        "Should I send an email in the middle of a commit?",
    ),
    "data-access": (
        "How do I talk to my tables from the web server?",
        "All connections are busy and calls hang, what have I done wrong?",
    ),
    "n-plus-one": (
        "My list page is slow because it asks the database again for every row",
        "How do I load the children together with their parents?",
    ),
    "lost-updates": (
        "Two editors saved and the first one's work disappeared",
        "How do I make sure that nobody overwrites a newer copy?",
    ),
    "idempotency-keys": (
        "The customer pressed the pay button twice, how do I charge only once?",
        "The connection broke and I do not know whether my order went through, can I send it again?",
    ),
    "api-testing": (
        "How do I check that my endpoints really refuse what they should?",
        "What should be faked in a test, and what should be the real thing?",
    ),
    "schema-migrations": (
        "How do I rename a column while the site is in use?",
        "How do I fill a new column for millions of rows without blocking everyone?",
    ),
    "background-work": (
        "An export takes a minute, how do I answer before it is ready?",
        "How do I make sure that a mail goes out if and only if the order was saved?",
    ),
    "threat-modelling": (
        "How do I find out systematically what attackers could do to my system?",
        "Which dangers should we deal with first?",
    ),
    "tls-in-transit": (
        "What does the padlock in the browser actually guarantee?",
        "Is it all right to turn certificate checks off during development?",
    ),
    "password-storage": (
        "How do I keep login secrets so that a stolen database is of little use?",
        "Should users be forced to choose a new one every three months?",
    ),
    "bearer-tokens": (
        "What do I have to look at before I trust a signed token?",
        "Is it dangerous to put the access credential into the address?",
    ),
    "oauth2": (
        "How does login with another company's account work?",
        "A mobile app cannot keep a secret, how does it log people in?",
    ),
    "object-authorization": (
        "By changing the number in the URL I can see somebody else's order",
        "How do I hide that a record exists from people who may not see it?",
    ),
    "injection": (
        "How can a search box wipe my tables?",
        "How do I start an external command with a name that a user typed?",
    ),
    "browser-origins": (
        "My JavaScript on another domain is refused, but curl works",
        "Can another site make my visitors' browsers do things with their cookies?",
    ),
    "rate-limiting": (
        "One client sends thousands of calls a minute, how do I slow them down?",
        "How do I tell callers when they may try again after too many calls?",
    ),
    "configuration-secrets": (
        "Where do I put the database address and API keys?",
        "Somebody pushed a private key to GitHub, what now?",
    ),
    "structured-logging": (
        "How can I follow what one request did in the output of the server?",
        "Which personal data must stay out of the output files?",
    ),
    "metrics-slos": (
        "How many failures per month are acceptable?",
        "Is the mean response time a good measure?",
    ),
    "timeouts-retries": (
        "How long should I wait for another service before giving up?",
        "When a server is down, why do all the clients hammering it make it worse?",
    ),
    "request-tracing": (
        "A call passes through five services, where does it lose its time?",
        "How do I connect what two services recorded about the same call?",
    ),
    "containers": (
        "How do I package the program so that it runs anywhere?",
        "Why does every small code change reinstall all the dependencies?",
    ),
    "zero-downtime-deploys": (
        "How do I put a new release live without anybody noticing?",
        "How does the load balancer know that a process can take traffic?",
    ),
    "load-testing": (
        "How many users can the site take before it falls over?",
        "Why does it get slow so suddenly when it is nearly busy all the time?",
    ),
}

PYTHON: dict[str, tuple[str, ...]] = {
    "basics": (
        "How do I give a value a name so that I can use it later?",
        "How do I write a note in the program that is not run?",
    ),
    "bools": (
        "How do I store yes or no?",
        "How can I combine two conditions so that both must hold?",
    ),
    "numbers": (
        "How do I find what is left over after dividing?",
        "How do I turn a value with decimals into a whole one?",
    ),
    "conditionals": (
        "How does a program choose between two ways to go on?",
        "How do I test several cases, one after the other?",
    ),
    "comparisons": (
        "How do I find out whether one thing is bigger than another?",
        "Why is 'the same thing' different from 'an equal thing'?",
    ),
    "strings": (
        "How do I glue pieces of text together?",
        "How do I cut a sentence into its words?",
    ),
    "string-methods": (
        "How do I write a piece of text in capitals?",
        "How do I get rid of blanks at both ends?",
    ),
    "lists": (
        "How do I keep several values in order and take the third one?",
        "How do I take every second element of a sequence?",
    ),
    "list-methods": (
        "How do I put another element at the end?",
        "How do I bring elements into ascending order in place?",
    ),
    "loops": (
        "How do I repeat something for each element?",
        "How do I get out of a repetition early?",
    ),
    "tuples": (
        "Which sequence cannot be changed after it is made?",
        "Do I need brackets around values separated by commas?",
    ),
    "dicts": (
        "How do I look a value up by a name rather than by its place?",
        "How do I delete an entry by its key?",
    ),
    "dict-methods": (
        "How do I merge two lookup tables into one?",
        "How do I add a key with a default only if it is missing?",
    ),
    "unpacking-and-multiple-assignment": (
        "How do I put the parts of a sequence into several variables at once?",
        "What do the stars before arguments mean?",
    ),
    "sets": (
        "How do I remove duplicates?",
        "How do I find out what two collections have in common?",
    ),
    "classes": (
        "How do I make my own kind of object with data and behaviour?",
        "What is self for?",
    ),
    "generators": (
        "How do I produce values one at a time without keeping them all in memory?",
        "What does a function do that hands out a value and goes on later?",
    ),
}

ELSEWHERE = (
    "How do volcanoes erupt?",
    "Who won the football world cup in 1998?",
    "What is a good recipe for lentil soup?",
    "How do I water tomatoes on a balcony?",
    "Why did the Roman empire fall?",
    "How do whales sleep?",
    "Which exercises help against back pain?",
    "What is the capital of Mongolia?",
    "How do I change the tyre of a bicycle?",
    "When does the next train to Berlin leave?",
    "How is cheese made?",
    "What do I wear to a wedding in summer?",
    "How far away is the moon?",
    "Can you recommend a novel about sailing?",
    "How do I train a puppy?",
    "What causes inflation?",
    "How do I play the guitar with small hands?",
    "Why is the sky blue?",
    "How do bees find their way home?",
    "What is the best time to visit Norway?",
)
"""What neither course says anything about."""
