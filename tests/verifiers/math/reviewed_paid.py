"""What a hostile reading found refused and right."""

PAID: dict[str, str] = {
    "words beside a value": r"""
5\text{ square meters} ;; 5
5\text{ students} ;; 5
5\text{ cubic feet per second} ;; 5
12\text{ dollars} ;; 12
5\text{ cm} ;; 5
5\text{ times} ;; 5
5\text{ pairs} ;; 5
5\text{ real solutions} ;; 5
5\text{ square units} ;; 5
5\text{ points} ;; 5
5\text{ dozen} ;; 5 dozen
5 个 ;; 5
5千克 ;; 5
""",
    "names": r"""
\text{Area of triangle } ABC = 5 ;; 5
\text{The answer}=5 ;; 5
\text{Number of ways}=5 ;; 5
\text{Sum of the first three terms}=5 ;; 5
|z|=5 ;; 5
|A|=5 ;; 5
|\vec{a}|=5 ;; 5
|AB|=5 ;; 5
\frac{AB}{CD}=5 ;; 5
\frac{S_1}{S_2}=5 ;; 5
A^{-1}=\begin{pmatrix}1&2\\3&4\end{pmatrix} ;; \begin{pmatrix}1&2\\3&4\end{pmatrix}
\frac{NO}{BO}=5 ;; 5
NO=5 ;; 5
""",
    "large beside an integral": r"""
\frac{1}{3} ;; \int_0^1 x^2\,dx
\frac{n(n+1)(2n+1)}{6} ;; \sum_{k=1}^n k^2
""",
    "units": r"""
5\,\frac{\text m}{\text s} ;; 5
5\,\frac{\text{m}}{\text{s}} ;; 5\text{ m/s}
5\,\frac{\text{kg}}{\text{m}^{3}} ;; 5\text{ kg/m}^3
5\ \mathrm{kg\cdot m^2} ;; 5
5\ \mathrm{J/(mol\cdot K)} ;; 5
5\ \mathrm{J\,mol^{-1}\,K^{-1}} ;; 5
5\ \mathrm{J\,mol^{-1}\,K^{-1}} ;; 5\ \mathrm{J/(mol\cdot K)}
5\ \Omega ;; 5
5\,\Omega ;; 5\text{ ohms}
5\,\mathrm{k\Omega} ;; 5
5\,\text{k}\Omega ;; 5
2.5\ \mu\text m ;; 2.5
2.5\,\text{µm} ;; 2.5
2.5\,\text{µm} ;; 2.5\ \mu\mathrm{m}
5\ \mu\text C ;; 5
5\,\mathrm{\AA} ;; 5
5\,\text{Å} ;; 5
5\text{ °C} ;; 5
0.5\text{ M} ;; 0.5
5\text{ miles per hour} ;; 5\text{ mph}
5\text{ km/h} ;; 5\text{ kph}
5\,\mathrm{m\cdot s^{-2}} ;; 5\text{ m/s}^2
5\text{ hours} ;; 5\text{ hours of work}
5\text{ square units} ;; 5\text{ cm}^2
5\text{ units squared} ;; 5
5\text{ kV} ;; 5\text{ kilovolts}
5\text{ J/mol K} ;; 5
5 kV ;; 5
\frac{\pi}{2}\text{ rad} ;; 90^\circ
90^\circ ;; \frac{\pi}{2}\text{ radians}
90\text{ rad} ;; 90
\frac{\pi}{6}\text{ radians} ;; \frac{\pi}{6}
""",
    "and or comma": r"""
x<1, x>2 ;; (-\infty,1)\cup(2,\infty)
x<1\text{ or }x>2 ;; x<1,x>2
x>3,x<5 ;; 3<x<5
x>3\text{ and }x<5 ;; 3<x<5
x>3\text{ and }x<5 ;; x>3,x<5
a>0,b>0 ;; a>0\text{ and }b>0
a>1\text{ and }a\ne2 ;; (1,2)\cup(2,\infty)
x=2\text{ or }x=3 ;; x=2\text{ and }x=3
x=1\text{ and }y=2 ;; (1,2)
3\text{ or }4 ;; \{3,4\}
(x,y)=(1,2)\text{ or }(3,4) ;; (1,2),(3,4)
""",
    "option letters": r"""
A. A car ;; A
A. twelve ;; A
(B)\ 12 ;; B
\textbf{(C)}\ 3\pi ;; C
B. I am a doctor ;; B
D. Because a triangle has three sides ;; D
""",
    "ends": r"""
5. ;; 5
1,2,...,n ;; 1,2,\dots,n
1,3,5,… ;; 1,3,5,\ldots
x≠3 ;; x\ne3
50\% ;; 0.5
""",
    "decimal comma": r"""
2,75 ;; 2.75
0,5 ;; \frac12
2,75 ;; 2,75
10,25 ;; 25,10
\{10,25\} ;; 10,25
1,234 ;; 1234
1234 ;; 1,234
""",
    "odd roots": r"""
(-8)^{1/3} ;; -2
(-8)^{2/3} ;; 4
(-2)^{1/3} ;; -\sqrt[3]{2}
(-2)^{1/3} ;; \sqrt[3]{-2}
x^{2/3} ;; \sqrt[3]{x^2}
""",
    "worked equalities": r"""
\frac38=0.375 ;; \frac38
0.375=\frac38 ;; \frac38
\frac{10}{36}=\frac5{18} ;; \frac5{18}
\frac{6}{8}=\frac34 ;; \frac34
\frac{10}{2}=5 ;; 5
P=\frac{10}{36}=\frac{5}{18} ;; \frac5{18}
x=\frac68=\frac34 ;; \frac34
2+3=5 ;; 5
""",
    "operators and labels on the left": r"""
\frac{dy}{dx}=2x ;; 2x
\frac{\partial f}{\partial x}=2xy ;; 2xy
\int_0^1f(x)dx=\frac12 ;; \frac12
\lim_{x\to0}f(x)=1 ;; 1
\sum_{n=1}^\infty \frac{1}{n^2}=\frac{\pi^2}{6} ;; \frac{\pi^2}6
P(X=2)=\frac38 ;; \frac38
\mathbb E[X]=\frac38 ;; \frac38
\mathbb{E}[X]=\frac38 ;; \frac38
m\angle ABC=30^\circ ;; 30
\min=5 ;; 5
\text{min} = 5 ;; 5
\text{Maximum: }5 ;; 5
\text{maximum value is }5 ;; 5
\text{center }(1,2) ;; (1,2)
A(1,2) ;; (1,2)
P(1,2) ;; (1,2)
\text{Var}(X)=2 ;; 2
""",
    "conditions": r"""
k\pi,\ k\in\mathbb Z ;; k\pi
k\pi ;; k\pi, k\in\mathbb{Z}
x=\frac{\pi}{4}+k\pi\ (k\in\mathbb{Z}) ;; x=\frac{\pi}{4}+k\pi
f(x)=cx, c\in\mathbb R ;; f(x)=cx
f(x)=cx ;; f(x)=cx\text{ for any constant }c
x\in\mathbb R, x\ne0 ;; (-\infty,0)\cup(0,\infty)
f(x)=x\text{ for all }x ;; f(x)=x
x=n\pi\text{ for integer }n ;; n\pi
k\pi\text{ where }k\text{ is an integer} ;; k\pi
""",
    "wrappers slashes words": r"""
\(5\) ;; 5
\[5\] ;; 5
**5** ;; 5
`5` ;; 5
\color{red}{5} ;; 5
\color{blue} 5 ;; 5
\textcolor{red}{5} ;; 5
5\text{.} ;; 5
t=\ln 2/\lambda ;; \frac{\ln2}\lambda
\log5/\log2 ;; \log_25
\ln3/2 ;; \frac{\ln3}2
\ln3/2 ;; \ln\frac32
\sin x/x ;; \frac{\sin x}{x}
\text{all real numbers} ;; (-\infty,\infty)
\text{DNE} ;; \text{does not exist}
\text{does not exist} ;; \text{DNE}
\text{no solutions} ;; \text{no solution}
\text{infinity} ;; \infty
\ce{H2O} ;; H_2O
\mathrm{H_2O} ;; \text{H}_2\text{O}
\mathrm{Na^+} ;; Na^+
\mathrm{CH_3COOH} ;; CH_3COOH
""",
    "arbitrary names": r"""
\frac{x^3}{3}+c ;; \frac{x^3}{3}+C
y=C_1\cos x+C_2\sin x ;; y=c_1\cos x+c_2\sin x
\frac\pi4+2\pi k ;; \frac\pi4+2\pi n
x=\frac\pi4+k\pi,\ k\in\mathbb Z ;; x=\frac\pi4+n\pi
""",
    "sets vectors and restated sums": r"""
\{x\in\mathbb R\mid x>2\} ;; (2,\infty)
\{x \in \mathbb{R} \mid x > 2\} ;; (2,\infty)
(1,2,3)^T ;; \begin{pmatrix}1\\2\\3\end{pmatrix}
[1, 2, 3]^\top ;; \begin{pmatrix}1\\2\\3\end{pmatrix}
\max\{a,b\} ;; \max(a,b)
\mathbb{R}^+ ;; (0,\infty)
\mathbb{R}_{>0} ;; (0,\infty)
\int_0^1 x^2\,dx=\frac13 ;; \int_0^1 x^2\,dx
\sum_{k=1}^{4}k=10 ;; \sum_{k=1}^4 k
5\text{ minutes} ;; 5\text{ min}
5\text{ min} ;; 5
""",
    "determinants": r"""
ad-bc ;; \begin{vmatrix}a&b\\c&d\end{vmatrix}
-2 ;; \det\begin{pmatrix}1&2\\3&4\end{pmatrix}
-2 ;; \begin{vmatrix}1&2\\3&4\end{vmatrix}
-3 ;; \begin{vmatrix}1&2&3\\4&5&6\\7&8&10\end{vmatrix}
\begin{vmatrix}1&2\\3&4\end{vmatrix} ;; \begin{vmatrix} 1 & 2 \\ 3 & 4 \end{vmatrix}
""",
}
