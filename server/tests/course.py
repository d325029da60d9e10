"""The small course that most tests stand on: six concepts whose every rule is easy to see."""

from learntrac.trac.course import Component, Course, CourseConcept, Milestone, Page

_DESCRIPTION = """What a server and a client say to each other.

== Learning objectives ==
 * Name the parts of a message
 * Read a status line

== Resources ==
 * [wiki:HttpBasics HTTP in short]
 * [https://videos.example.org/http.mp4 HTTP in ten minutes]
 * [https://example.org/playground A playground]
"""

COURSE = Course(
    title="Small course",
    milestones=(Milestone("Basics", due_in_days=30), Milestone("Beyond")),
    components=(Component("http"), Component("python")),
    concepts=(
        CourseConcept(
            "messages", "HTTP messages", _DESCRIPTION, component="http", milestone="Basics",
            difficulty=2.0, estimated_minutes=60, tags=("http", "web"),
        ),
        CourseConcept(
            "functions", "Python functions", "Small named pieces of work.", type="feature", component="python",
            milestone="Basics", difficulty=3.0, estimated_minutes=45, tags=("python",),
        ),
        CourseConcept(
            "methods", "Methods of HTTP", "GET, PUT and their kin.", component="http", milestone="Basics",
            difficulty=3.0, estimated_minutes=90, tags=("http",), prerequisites=("messages",),
        ),
        CourseConcept(
            "handlers", "Request handlers", "A function that answers a request.", type="enhancement",
            component="python", milestone="Beyond", difficulty=3.5, estimated_minutes=120,
            tags=("http", "python"), prerequisites=("functions", "methods"),
        ),
        CourseConcept(
            "errors", "Mistakes and status codes", "Which code says what.", type="defect", component="http",
            milestone="Beyond", difficulty=4.0, mastery_threshold=0.9, prerequisites=("methods",),
        ),
        CourseConcept("extras", "Café extras", "Odds and ends.", difficulty=5.0, tags=("café",)),
    ),
    pages=(Page("HttpBasics", "= HTTP in short =\n" + "A request goes out and an answer comes back. " * 90),),
)  # fmt: skip
